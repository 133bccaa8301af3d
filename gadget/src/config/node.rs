//! The configuration's text as nodes that know where they stand.
//!
//! serde's derived readers lose positions and paths, and cannot lay explicit fields over a preset.
//! `ron` splits each level here and hands its parts out as slices of the source, so a node's place in
//! the file is that of its slice. Knows RON's shapes only, nothing of the configuration's fields.

use std::fmt;

use ron::{de::Deserializer, value::RawValue};
use serde::{
    Deserialize,
    de::{Deserializer as _, MapAccess, SeqAccess, Visitor},
};

use super::problem::{Fault, Problem};

/// One value in the file.
#[derive(Clone)]
pub(super) struct Node<'a> {
    /// The whole file.
    source: &'a str,
    /// From the value's first character on; nothing but space and comments behind it.
    text: &'a str,
    /// Its name in messages: `link.host`, `modes.network.functions[0]`; empty for the whole.
    path: String,
}

impl<'a> Node<'a> {
    /// The whole file, whose syntax is valid throughout from here on.
    pub(super) fn document(source: &'a str) -> Result<Self, Fault> {
        let whole = |offset, problem| Fault { offset, path: String::new(), problem };
        if after_space(source).is_empty() {
            return Err(whole(0, Problem::NothingThere));
        }
        let syntax = |error: ron::error::SpannedError| {
            let at = offset_of(source, error.span.end.line, error.span.end.col);
            match error.code {
                // The only use of free text by `RawValue`: it takes no `#![enable(…)]`.
                ron::Error::Message(_) => whole(0, Problem::Attribute),
                ron::Error::Eof => whole(at, Problem::EndsEarly),
                ron::Error::ExceededRecursionLimit => whole(at, Problem::TooDeep),
                code => whole(at, Problem::Syntax(code)),
            }
        };
        RawValue::from_ron(source).map_err(syntax)?;
        Ok(Self { source, text: after_space(source), path: String::new() })
    }

    fn at(&self, text: &'a str, path: String) -> Self {
        Self { source: self.source, text: after_space(text), path }
    }

    /// The byte in the file at which the value begins.
    pub(super) fn offset(&self) -> usize {
        self.text.as_ptr().addr() - self.source.as_ptr().addr()
    }

    /// This problem, at this place.
    pub(super) fn fault(&self, problem: Problem) -> Fault {
        Fault { offset: self.offset(), path: self.path.clone(), problem }
    }

    /// The complaint that the value is something other than `wanted`.
    pub(super) fn unexpected(&self, wanted: &'static str) -> Fault {
        let found = match self.text.as_bytes().first() {
            Some(b'"') => "a string",
            Some(b'(') => "a group in parentheses",
            Some(b'[') => "a list",
            Some(b'{') => "a map",
            Some(b'0'..=b'9' | b'+' | b'-' | b'.') => "a number",
            Some(b'\'') => "a character",
            _ => match self.word() {
                ("" | "r" | "b" | "br", _) => "something else",
                (word, rest) if rest.is_empty() => {
                    return self.fault(Problem::UnknownWord { word: word.into(), wanted });
                }
                _ => "a word with a group behind it",
            },
        };
        self.fault(Problem::WrongKind { found, wanted })
    }

    /// The value at a path below this one, or an error with the closest group when it is not written.
    pub(super) fn locate(&self, path: &str) -> Result<Self, Self> {
        let (segment, rest) = path.split_once(['.', '[']).unwrap_or((path, ""));
        match self.child(segment.trim_end_matches(']')) {
            Some(child) if !rest.is_empty() => child.locate(rest),
            Some(child) => Ok(child),
            None => Err(self.clone()),
        }
    }

    fn child(&self, segment: &str) -> Option<Self> {
        let (_, body) = self.word();
        match body.text.as_bytes().first()? {
            b'[' => self.items().ok()?.into_iter().nth(segment.parse().ok()?),
            b'{' => {
                let entries = self.entries("").ok()?;
                entries.into_iter().find(|(name, ..)| name == segment).map(|(.., value)| value)
            }
            _ => body.named().ok()?.into_iter().find(|(field, _)| *field == segment).map(|(_, value)| value),
        }
    }

    /// The bare word that the value is or begins with (empty if none), and what follows it.
    pub(super) fn word(&self) -> (&'a str, Node<'a>) {
        let end = self.text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.text.len());
        let (word, rest) = self.text.split_at(end);
        (word, self.at(rest, self.path.clone()))
    }

    /// Whether this is a group in parentheses.
    pub(super) fn is_group(&self) -> bool {
        self.text.starts_with('(')
    }

    /// Whether nothing is here: what follows a bare word that stands alone.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The value as one of a table's words; `wanted` lists them.
    pub(super) fn choice<T: Copy>(&self, table: &[(&str, T)], wanted: &'static str) -> Result<T, Fault> {
        match self.word() {
            (word, rest) if rest.is_empty() => {
                table.iter().find(|(known, _)| *known == word).map(|(_, value)| *value)
            }
            _ => None,
        }
        .ok_or_else(|| self.unexpected(wanted))
    }

    /// The value as a string.
    pub(super) fn string(&self, wanted: &'static str) -> Result<String, Fault> {
        self.parse().ok_or_else(|| self.unexpected(wanted))
    }

    /// The value as a whole number, in any of RON's bases.
    pub(super) fn integer(&self, wanted: &'static str) -> Result<i64, Fault> {
        let number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        self.parse().ok_or_else(|| match number(self.text) {
            true => self.fault(Problem::WrongKind { found: "a fraction, or too large a number", wanted }),
            false => self.unexpected(wanted),
        })
    }

    fn parse<T: Deserialize<'a>>(&self) -> Option<T> {
        ron::from_str(self.text).ok()
    }

    /// `None`, `Some(value)`, or just the value.
    pub(super) fn option(&self) -> Result<Option<Self>, Fault> {
        match self.word() {
            ("None", rest) if rest.is_empty() => Ok(None),
            ("Some", body) => body.argument("None or one value").map(Some),
            _ => Ok(Some(self.clone())),
        }
    }

    /// The value in `(value)`: what stands behind the word of a choice.
    pub(super) fn argument(&self, wanted: &'static str) -> Result<Self, Fault> {
        match self.parts('(')?.as_slice() {
            [value] => Ok(self.at(value.get_ron(), self.path.clone())),
            _ => Err(self.unexpected(wanted)),
        }
    }

    /// The elements of `[a, b]`.
    pub(super) fn items(&self) -> Result<Vec<Self>, Fault> {
        let parts = self.parts('[')?.into_iter().enumerate();
        Ok(parts.map(|(i, part)| self.at(part.get_ron(), format!("{}[{i}]", self.path))).collect())
    }

    fn parts(&self, open: char) -> Result<Vec<&'a RawValue>, Fault> {
        let wanted = if open == '[' { "a list in brackets" } else { "one value in parentheses" };
        let parts = Deserializer::from_str(self.text).map_err(|error| error.code).and_then(|mut ron| {
            if open == '[' { ron.deserialize_seq(Parts) } else { ron.deserialize_tuple(1, Parts) }
        });
        parts.map_err(|_| self.unexpected(wanted))
    }

    /// The entries of `{"a": b}`, each as key, key's node and value's node; no key twice.
    pub(super) fn entries(&self, wanted: &'static str) -> Result<Vec<(String, Self, Self)>, Fault> {
        let pairs = Deserializer::from_str(self.text)
            .and_then(|mut ron| ron.deserialize_map(Pairs::<&RawValue>::NEW).map_err(|e| ron.span_error(e)))
            .map_err(|_| self.unexpected(wanted))?;
        let mut entries: Vec<(String, Self, Self)> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let key = self.at(key.get_ron(), self.path.clone());
            let name = key.string("a name in quotes")?;
            if entries.iter().any(|(known, ..)| *known == name) {
                return Err(key.fault(Problem::Twice { what: "name", name }));
            }
            let value = self.at(value.get_ron(), format!("{}.{name}", self.path));
            entries.push((name, key, value));
        }
        Ok(entries)
    }

    /// The named fields of `(a: b)` or `Name(a: b)`: only those in `allowed`, none twice.
    pub(super) fn fields(
        &self,
        name: &'static str,
        allowed: &'static [&'static str],
    ) -> Result<Fields<'a>, Fault> {
        let (word, body) = self.word();
        if !word.is_empty() && word != name {
            return Err(self.fault(Problem::StructName { found: word.into(), wanted: name }));
        }
        const WANTED: &str = "named fields in parentheses, (field: value)";
        let pairs = body.named().map_err(|()| match body.text.starts_with('(') {
            true => self.fault(Problem::WrongKind { found: "values without names", wanted: WANTED }),
            false => self.unexpected(WANTED),
        })?;
        for (index, (field, value)) in pairs.iter().enumerate() {
            let key = self.at(field, value.path.clone());
            let problem = if !allowed.contains(field) {
                Problem::UnknownField { field: (*field).into(), allowed }
            } else if pairs[..index].iter().any(|(known, _)| known == field) {
                Problem::Twice { what: "field", name: (*field).into() }
            } else {
                continue;
            };
            return Err(key.fault(problem));
        }
        Ok(Fields(pairs))
    }

    /// The fields of `(a: b)` as they are written.
    fn named(&self) -> Result<Vec<(&'a str, Self)>, ()> {
        let mut ron = Deserializer::from_str(self.text).map_err(drop)?;
        let pairs = ron.deserialize_struct("", &[], Pairs::<&str>::NEW).map_err(drop)?;
        let dot = if self.path.is_empty() { "" } else { "." };
        Ok(pairs
            .into_iter()
            .map(|(field, value)| (field, self.at(value.get_ron(), format!("{}{dot}{field}", self.path))))
            .collect())
    }
}

/// The named fields of one group.
pub(super) struct Fields<'a>(Vec<(&'a str, Node<'a>)>);

impl<'a> Fields<'a> {
    /// The field, if it is written.
    pub(super) fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, node)| node)
    }
}

/// What follows the leading space and comments; valid RON has no unclosed comment.
fn after_space(text: &str) -> &str {
    Deserializer::from_str(text).map_or(text, |ron| ron.remainder())
}

/// The byte at `ron`'s position: both numbers count from 1, columns in characters.
fn offset_of(source: &str, line: usize, column: usize) -> usize {
    let start = source.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
    let rest = source.get(start..).unwrap_or("");
    start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
}

/// Takes a list apart.
struct Parts;

impl<'de> Visitor<'de> for Parts {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = list.next_element()? {
            parts.push(part);
        }
        Ok(parts)
    }
}

/// Takes named fields (keys are identifiers) or a map (keys are values) apart.
struct Pairs<K>(std::marker::PhantomData<K>);

impl<K> Pairs<K> {
    const NEW: Self = Self(std::marker::PhantomData);
}

impl<'de, K: Deserialize<'de>> Visitor<'de> for Pairs<K> {
    type Value = Vec<(K, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pairs")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs)
    }
}
