//! The parameters of one call, taken by name one after the other.
//!
//! By hand: what serde derives takes them by position as well, and does not say which of them is wrong.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The parameters that were not taken yet.
#[derive(Debug)]
pub struct Parameters(Map<String, Value>);

/// a parameter that is missing, unknown, of another type or out of range, by its name; `parameters` if they are no object
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is missing, unknown, of another type or out of range")]
pub struct Invalid(pub String);

impl Parameters {
    /// A call without parameters leaves them out, and an absent one may be there as `null`.
    pub fn of(value: Value) -> Result<Self, Invalid> {
        match value {
            Value::Null => Ok(Self(Map::new())),
            Value::Object(mut fields) => {
                fields.retain(|_, value| !value.is_null());
                Ok(Self(fields))
            }
            _ => Err(Invalid("parameters".to_owned())),
        }
    }

    /// One that may be absent.
    pub fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Invalid> {
        let value = self.0.remove(name).map(serde_json::from_value).transpose();
        value.map_err(|_| Invalid(name.to_owned()))
    }

    /// One that has to be there.
    pub fn required<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Invalid> {
        self.optional(name)?.ok_or_else(|| Invalid(name.to_owned()))
    }

    /// There are no others.
    pub fn end(self) -> Result<(), Invalid> {
        self.0.into_iter().next().map_or(Ok(()), |(name, _)| Err(Invalid(name)))
    }
}
