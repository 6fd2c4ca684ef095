//! Our values in PostgreSQL's binary format, by the type the server asks for.

use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type as Pg, to_sql_checked};

use super::nul;
use crate::value::Value;

type Failure = Box<dyn std::error::Error + Sync + Send>;

impl ToSql for Value {
    fn to_sql(&self, kind: &Pg, out: &mut BytesMut) -> Result<IsNull, Failure> {
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Int(number) => return whole(*number, kind, out),
            Self::Text(text) | Self::Json(text) if *kind == Pg::JSONB || *kind == Pg::JSON => {
                if *kind == Pg::JSONB {
                    out.extend_from_slice(&[1]);
                }
                out.extend_from_slice(nul::escape_json(text).as_bytes());
            }
            Self::Text(text) | Self::Json(text) if is_text(kind) => {
                out.extend_from_slice(nul::escape(text).as_bytes());
            }
            Self::Bytes(bytes) if *kind == Pg::BYTEA => out.extend_from_slice(bytes),
            _ => return Err(format!("cannot pass {} as {kind}", self.word()).into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Pg) -> bool {
        true
    }

    to_sql_checked!();
}

fn whole(number: i64, kind: &Pg, out: &mut BytesMut) -> Result<IsNull, Failure> {
    match *kind {
        Pg::INT8 => out.extend_from_slice(&number.to_be_bytes()),
        Pg::INT4 => out.extend_from_slice(&i32::try_from(number)?.to_be_bytes()),
        Pg::INT2 => out.extend_from_slice(&i16::try_from(number)?.to_be_bytes()),
        Pg::BOOL => out.extend_from_slice(&[u8::from(number != 0)]),
        _ => return Err(format!("cannot pass a number as {kind}").into()),
    }
    Ok(IsNull::No)
}

fn is_text(kind: &Pg) -> bool {
    matches!(
        *kind,
        Pg::TEXT | Pg::VARCHAR | Pg::NAME | Pg::BPCHAR | Pg::UNKNOWN
    )
}

impl FromSql<'_> for Value {
    fn from_sql(kind: &Pg, raw: &[u8]) -> Result<Self, Failure> {
        Ok(match *kind {
            Pg::INT8 => Self::Int(i64::from_be_bytes(raw.try_into()?)),
            Pg::INT4 => Self::Int(i32::from_be_bytes(raw.try_into()?).into()),
            Pg::INT2 => Self::Int(i16::from_be_bytes(raw.try_into()?).into()),
            Pg::BOOL => Self::Int(i64::from(raw != [0])),
            Pg::BYTEA => Self::Bytes(raw.to_vec()),
            Pg::JSONB => Self::Json(nul::unescape_json(
                std::str::from_utf8(raw.get(1..).unwrap_or_default())?.to_owned(),
            )),
            Pg::JSON => Self::Json(nul::unescape_json(std::str::from_utf8(raw)?.to_owned())),
            _ if is_text(kind) => Self::Text(nul::unescape(std::str::from_utf8(raw)?.to_owned())),
            _ => return Err(format!("no reading of type {kind}").into()),
        })
    }

    fn from_sql_null(_: &Pg) -> Result<Self, Failure> {
        Ok(Self::Null)
    }

    fn accepts(_: &Pg) -> bool {
        true
    }
}

impl Value {
    const fn word(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Int(_) => "a number",
            Self::Text(_) => "a text",
            Self::Json(_) => "JSON",
            Self::Bytes(_) => "bytes",
        }
    }
}
