//! One Varlink message, before its parameters are understood.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// A method call (Varlink wire protocol, "call").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// `interface.Method`.
    pub method: String,
    /// The arguments, by name.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub parameters: Value,
    /// The caller wants a reply for each event, not one only.
    #[serde(default, deserialize_with = "or_false", skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// The caller wants no reply at all.
    #[serde(default, deserialize_with = "or_false", skip_serializing_if = "std::ops::Not::not")]
    pub oneway: bool,
}

/// Varlink writes an absent optional as `null` too.
fn or_false<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    Option::deserialize(value).map(Option::unwrap_or_default)
}

/// An answer (Varlink wire protocol, "reply").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The results or the error's details, by name.
    #[serde(default)]
    pub parameters: Value,
    /// More replies to the same call follow.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continues: bool,
    /// `interface.Error`, if the call failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Reply {
    /// A final reply with these results.
    #[must_use]
    pub const fn done(parameters: Value) -> Self {
        Self { parameters, continues: false, error: None }
    }

    /// One of several replies.
    #[must_use]
    pub const fn more(parameters: Value) -> Self {
        Self { parameters, continues: true, error: None }
    }

    /// A reply that says why there are no results.
    #[must_use]
    pub fn error(name: &str, parameters: Value) -> Self {
        Self { parameters, continues: false, error: Some(name.to_owned()) }
    }
}
