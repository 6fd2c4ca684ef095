//! Values on their way to and from an engine.

use model::{EntityId, Timestamp};

use crate::Error;

/// One value of a row or a parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
    /// JSON as text; `jsonb` on PostgreSQL.
    Json(String),
    Bytes(Vec<u8>),
}

/// What a column of a bulk statement holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Int,
    Text,
    Json,
    Bytes,
}

impl Type {
    pub(crate) const fn postgres(self) -> &'static str {
        match self {
            Self::Int => "bigint",
            Self::Text => "text",
            Self::Json => "jsonb",
            Self::Bytes => "bytea",
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}
impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(i64::from(number))
    }
}
impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}
impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}
impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Int(i64::from(flag))
    }
}
impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}
impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::Int(at.0)
    }
}
impl From<&model::Tenant> for Value {
    fn from(tenant: &model::Tenant) -> Self {
        Self::Text(tenant.as_str().to_owned())
    }
}
impl From<&model::SourceId> for Value {
    fn from(source: &model::SourceId) -> Self {
        Self::Text(source.as_str().to_owned())
    }
}
impl From<&EntityId> for Value {
    fn from(id: &EntityId) -> Self {
        Self::Text(id.as_str().to_owned())
    }
}
impl From<&model::PlanId> for Value {
    fn from(id: &model::PlanId) -> Self {
        Self::Text(id.as_str().to_owned())
    }
}
impl From<model::Kind> for Value {
    fn from(kind: model::Kind) -> Self {
        Self::Text(kind.as_str().to_owned())
    }
}
impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// `value` as JSON for the engine.
pub(crate) fn json<T: serde::Serialize + ?Sized>(value: &T) -> Result<Value, Error> {
    serde_json::to_string(value)
        .map(Value::Json)
        .map_err(Error::unreadable("a value to keep"))
}

/// One row of an answer; its values are taken in the order of the columns.
#[derive(Debug)]
pub(crate) struct Row(std::vec::IntoIter<Value>);

impl Row {
    pub(crate) fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    pub(crate) fn values(self) -> Vec<Value> {
        self.0.collect()
    }

    fn next(&mut self) -> Value {
        self.0.next().unwrap_or(Value::Null)
    }

    pub(crate) fn int(&mut self) -> Result<i64, Error> {
        self.int_opt()?
            .ok_or_else(|| Error::corrupt("nothing where a number belongs"))
    }

    pub(crate) fn int_opt(&mut self) -> Result<Option<i64>, Error> {
        match self.next() {
            Value::Int(number) => Ok(Some(number)),
            Value::Null => Ok(None),
            _ => Err(Error::corrupt("something else where a number belongs")),
        }
    }

    pub(crate) fn count(&mut self) -> Result<u64, Error> {
        u64::try_from(self.int()?).map_err(|_| Error::corrupt("a negative count"))
    }

    pub(crate) fn count32(&mut self) -> Result<u32, Error> {
        u32::try_from(self.int()?).map_err(|_| Error::corrupt("a count out of range"))
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Error> {
        Ok(self.int()? != 0)
    }

    pub(crate) fn time(&mut self) -> Result<Timestamp, Error> {
        self.int().map(Timestamp)
    }

    pub(crate) fn time_opt(&mut self) -> Result<Option<Timestamp>, Error> {
        Ok(self.int_opt()?.map(Timestamp))
    }

    pub(crate) fn text(&mut self) -> Result<String, Error> {
        self.text_opt()?
            .ok_or_else(|| Error::corrupt("nothing where a text belongs"))
    }

    pub(crate) fn text_opt(&mut self) -> Result<Option<String>, Error> {
        match self.next() {
            Value::Text(text) | Value::Json(text) => Ok(Some(text)),
            Value::Null => Ok(None),
            _ => Err(Error::corrupt("something else where a text belongs")),
        }
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        self.bytes_opt()?
            .ok_or_else(|| Error::corrupt("nothing where bytes belong"))
    }

    pub(crate) fn bytes_opt(&mut self) -> Result<Option<Vec<u8>>, Error> {
        match self.next() {
            Value::Bytes(bytes) => Ok(Some(bytes)),
            Value::Null => Ok(None),
            _ => Err(Error::corrupt("something else where bytes belong")),
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.bytes()?
            .try_into()
            .map_err(|_| Error::corrupt("a hash of another length"))
    }

    /// Reads what `FromStr` of the type prescribes.
    pub(crate) fn parsed<T: std::str::FromStr>(&mut self, what: &'static str) -> Result<T, Error> {
        self.text()?.parse().map_err(|_| Error::corrupt(what))
    }

    pub(crate) fn parsed_opt<T: std::str::FromStr>(
        &mut self,
        what: &'static str,
    ) -> Result<Option<T>, Error> {
        self.text_opt()?
            .map(|text| text.parse().map_err(|_| Error::corrupt(what)))
            .transpose()
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(
        &mut self,
        what: &'static str,
    ) -> Result<T, Error> {
        serde_json::from_str(&self.text()?).map_err(Error::unreadable(what))
    }
}
