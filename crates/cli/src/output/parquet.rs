//! Parquet: the fields of a list as columns with types, in groups of rows, Snappy-compressed.
//!
//! Every column may be null. A time is a `TIMESTAMP` of microseconds in UTC; where a source may
//! say that there is none ("never expires"), a second column `<name>_never` says so, because that
//! is another statement than null, "cannot tell". What has parts is one text of JSON.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};
use serde_json::Value;

use super::field::{Field, Holds};
use super::list::{Emit, plain};
use super::{Fields, Row, json};

/// Rows that are held and written together.
const GROUP_ROWS: usize = 10_000;

/// One file.
pub(super) struct Table {
    columns: Vec<Column>,
    writer: SerializedFileWriter<Vec<u8>>,
    rows: usize,
}

/// One column with the values of the current group; `None` is null.
struct Column {
    name: String,
    holds: Holds,
    values: Values,
    /// `<name>_never`.
    never: Option<Vec<Option<bool>>>,
}

enum Values {
    Text(Vec<Option<ByteArray>>),
    Count(Vec<Option<i64>>),
    Real(Vec<Option<f64>>),
    Flag(Vec<Option<bool>>),
}

impl Table {
    /// A file with these columns and no row yet.
    ///
    /// # Errors
    /// Two columns of one name, which a file cannot hold.
    pub(super) fn new(fields: &[Field<'_>]) -> io::Result<Self> {
        let columns: Vec<Column> = fields.iter().map(Column::new).collect();
        let mut types = Vec::new();
        for column in &columns {
            types.extend(column.types()?);
        }
        let mut names: Vec<&str> = types.iter().map(|one| one.name()).collect();
        names.sort_unstable();
        if names.windows(2).any(|two| two[0] == two[1]) {
            return Err(io::Error::other(
                "a Parquet file cannot hold two columns of one name",
            ));
        }
        let schema = Type::group_type_builder("keyroll")
            .with_fields(types)
            .build()?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(format!("keyroll version {}", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            writer: SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?,
            columns,
            rows: 0,
        })
    }

    /// Writes the rows that are held.
    fn group(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            column.write(&mut group)?;
        }
        group.close()?;
        self.rows = 0;
        self.writer.flush()?;
        // The writer counts what it gave away, so that places in the file stay right.
        let done = self.writer.inner_mut();
        out.write_all(done)?;
        done.clear();
        Ok(())
    }
}

impl Emit for Table {
    fn row(&mut self, out: &mut dyn Write, _: &Row, fields: &Fields) -> io::Result<()> {
        for column in &mut self.columns {
            column.push(fields.get(&column.name).unwrap_or(&Value::Null));
        }
        self.rows += 1;
        if self.rows == GROUP_ROWS {
            self.group(out)?;
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write, footer: &[String]) -> io::Result<()> {
        if self.rows > 0 {
            self.group(out)?;
        }
        let told = KeyValue::new("keyroll:remarks".to_owned(), footer.join("\n"));
        self.writer.append_key_value_metadata(told);
        self.writer.finish()?;
        out.write_all(self.writer.inner_mut())
    }
}

impl Column {
    fn new(field: &Field<'_>) -> Self {
        let values = match field.holds {
            Holds::Text | Holds::List | Holds::Any => Values::Text(Vec::new()),
            Holds::Count | Holds::Time | Holds::When => Values::Count(Vec::new()),
            Holds::Real => Values::Real(Vec::new()),
            Holds::Flag => Values::Flag(Vec::new()),
        };
        Self {
            name: field.name.to_owned(),
            holds: field.holds,
            values,
            never: (field.holds == Holds::When).then(Vec::new),
        }
    }

    fn types(&self) -> Result<Vec<TypePtr>, ParquetError> {
        let (physical, logical) = match self.holds {
            Holds::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Holds::List | Holds::Any => (Physical::BYTE_ARRAY, Some(LogicalType::Json)),
            Holds::Count => (Physical::INT64, None),
            Holds::Time | Holds::When => {
                let micros = LogicalType::timestamp(true, TimeUnit::MICROS);
                (Physical::INT64, Some(micros))
            }
            Holds::Real => (Physical::DOUBLE, None),
            Holds::Flag => (Physical::BOOLEAN, None),
        };
        let mut types = vec![optional(&self.name, physical, logical)?];
        if self.never.is_some() {
            types.push(optional(
                &format!("{}_never", self.name),
                Physical::BOOLEAN,
                None,
            )?);
        }
        Ok(types)
    }

    fn push(&mut self, value: &Value) {
        match &mut self.values {
            Values::Text(values) => values.push(match (value, self.holds) {
                (Value::Null, _) => None,
                (value, Holds::Text) => Some(plain(value).as_str().into()),
                (value, _) => Some(json::line(value).as_str().into()),
            }),
            Values::Count(values) if self.holds == Holds::Count => values.push(value.as_i64()),
            Values::Count(values) => {
                let time = value.as_str().and_then(|text| text.parse().ok());
                values.push(time.map(|at: model::Timestamp| at.0));
            }
            Values::Real(values) => values.push(value.as_f64()),
            Values::Flag(values) => values.push(value.as_bool()),
        }
        if let Some(never) = &mut self.never {
            never.push((!value.is_null()).then(|| value.as_str() == Some("never")));
        }
    }

    fn write(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    ) -> Result<(), ParquetError> {
        match &mut self.values {
            Values::Text(values) => column::<ByteArrayType>(group, values)?,
            Values::Count(values) => column::<Int64Type>(group, values)?,
            Values::Real(values) => column::<DoubleType>(group, values)?,
            Values::Flag(values) => column::<BoolType>(group, values)?,
        }
        match &mut self.never {
            Some(never) => column::<BoolType>(group, never),
            None => Ok(()),
        }
    }
}

fn optional(
    name: &str,
    physical: Physical,
    logical: Option<LogicalType>,
) -> Result<TypePtr, ParquetError> {
    Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
        .map(Arc::new)
}

/// Writes the next column of a group, and empties `values`.
fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &mut Vec<Option<T::T>>,
) -> Result<(), ParquetError> {
    let levels: Vec<i16> = values
        .iter()
        .map(|value| i16::from(value.is_some()))
        .collect();
    let present: Vec<T::T> = values.drain(..).flatten().collect();
    if let Some(mut column) = group.next_column()? {
        column
            .typed::<T>()
            .write_batch(&present, Some(&levels), None)?;
        column.close()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field as Read;
    use serde_json::json;

    fn written(fields: &[Field<'_>], rows: &[Value]) -> SerializedFileReader<bytes::Bytes> {
        let mut table = Table::new(fields).unwrap();
        let mut out = Vec::new();
        for row in rows {
            let fields = row.as_object().unwrap();
            table.row(&mut out, &Row::default(), fields).unwrap();
        }
        table
            .end(&mut out, &["coverage: 1 source read".to_owned()])
            .unwrap();
        SerializedFileReader::new(bytes::Bytes::from(out)).unwrap()
    }

    #[test]
    fn what_is_written_reads_back_with_its_types() {
        let fields = [
            Field::text("id"),
            Field::count("n"),
            Field::when("expires_at"),
            Field::list("sources"),
            Field::flag("on"),
        ];
        let rows = [
            json!({"id": "a", "n": 3, "expires_at": "1970-01-01T00:00:01Z", "sources": ["x"], "on": true}),
            json!({"id": "b", "n": null, "expires_at": "never", "sources": [], "on": false}),
            json!({"id": null, "expires_at": null}),
        ];
        let file = written(&fields, &rows);
        let read: Vec<_> = file
            .get_row_iter(None)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let of = |row: usize| -> Vec<Read> {
            read[row]
                .get_column_iter()
                .map(|(_, value)| value.clone())
                .collect()
        };
        assert_eq!(
            of(0)[..4],
            [
                Read::Str("a".into()),
                Read::Long(3),
                Read::TimestampMicros(1_000_000),
                Read::Bool(false)
            ]
        );
        assert_eq!(of(1)[2..4], [Read::Null, Read::Bool(true)], "never is told");
        assert!(
            of(2).iter().all(|value| *value == Read::Null),
            "{:?}",
            of(2)
        );
        let told = file
            .metadata()
            .file_metadata()
            .key_value_metadata()
            .unwrap();
        assert_eq!(told[0].value.as_deref(), Some("coverage: 1 source read"));
    }

    #[test]
    fn many_rows_are_written_in_groups_and_none_is_lost() {
        let rows: Vec<Value> = (0..GROUP_ROWS + 5).map(|n| json!({"n": n})).collect();
        let file = written(&[Field::count("n")], &rows);
        assert_eq!(file.num_row_groups(), 2);
        let last = file.get_row_iter(None).unwrap().last().unwrap().unwrap();
        assert_eq!(
            last.get_column_iter().next().unwrap().1,
            &Read::Long(10_004)
        );
    }

    #[test]
    fn an_empty_list_is_a_file_with_columns_and_no_rows() {
        let file = written(&[Field::text("id")], &[]);
        assert_eq!(file.metadata().file_metadata().num_rows(), 0);
        assert!(Table::new(&[Field::text("a"), Field::count("a")]).is_err());
    }
}
