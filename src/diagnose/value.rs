//! What a step found: names with typed values.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeStruct},
};

use super::show::{long, printable, short, timestamp};

/// A value that a step found. `Display` is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// A text in one line. Serialised as it is.
    Text(String),
    /// A number.
    Number(u64),
    /// A yes or no.
    Flag(bool),
    /// A span of time. Serialised as a number of seconds.
    Duration(Duration),
    /// A point in time. Serialised as `2026-01-02T03:04:05Z`.
    Time(SystemTime),
    /// Several of these.
    List(Vec<Value>),
}

impl Value {
    /// A list that is there if it has anything.
    pub(super) fn list<V: Into<Self>>(values: impl Iterator<Item = V>) -> Option<Self> {
        let values: Vec<Self> = values.map(Into::into).collect();
        (!values.is_empty()).then_some(Self::List(values))
    }

    /// A text that stands for a yes or no, as PostgreSQL writes them.
    pub(super) fn of_sql(text: &str) -> Self {
        match text {
            "true" | "t" => Self::Flag(true),
            "false" | "f" => Self::Flag(false),
            text => text.into(),
        }
    }

    /// Both, in one list.
    fn and(self, other: Self) -> Self {
        let parts = [self, other].into_iter().flat_map(|value| match value {
            Self::List(values) => values,
            value => vec![value],
        });
        Self::List(parts.collect())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(printable(text))
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Duration(duration) if duration.as_secs() < 60 => f.write_str(&short(*duration)),
            Self::Duration(duration) => f.write_str(&long(*duration)),
            Self::Time(time) => f.write_str(&timestamp(*time)),
            Self::List(values) => values.iter().enumerate().try_for_each(|(index, value)| {
                let comma = if index == 0 { "" } else { ", " };
                write!(f, "{comma}{value}")
            }),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Number(number) => number.serialize(serializer),
            Self::Flag(flag) => flag.serialize(serializer),
            Self::Duration(duration) => seconds(duration, serializer),
            Self::Time(time) => timestamp(*time).serialize(serializer),
            Self::List(values) => values.serialize(serializer),
        }
    }
}

/// To the microsecond.
pub(super) fn seconds<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((duration.as_secs_f64() * 1e6).round() / 1e6)
}

/// A value, and where it is from if that is a setting's. `Display` reads `<value> (<origin>)`.
///
/// Serialised, it is the value alone, or `{"value": .., "origin": ..}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    value: Value,
    origin: Option<String>,
}

impl Detail {
    /// What was found.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Where it is from, such as the name of a variable.
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)?;
        self.origin.iter().try_for_each(|origin| write!(f, " ({origin})"))
    }
}

impl Serialize for Detail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(origin) = &self.origin else { return self.value.serialize(serializer) };
        let mut detail = serializer.serialize_struct("Detail", 2)?;
        detail.serialize_field("value", &self.value)?;
        detail.serialize_field("origin", origin)?;
        detail.end()
    }
}

/// Names and details, in the order in which they were added. No name is there twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Details(Vec<(String, Detail)>);

impl Details {
    pub(super) fn add(&mut self, name: impl AsRef<str>, value: impl Into<Value>) {
        self.put(name.as_ref(), value.into(), None);
    }

    pub(super) fn add_from(&mut self, name: &str, value: impl Into<Value>, origin: &str) {
        self.put(name, value.into(), Some(printable(origin)));
    }

    fn put(&mut self, name: &str, value: Value, origin: Option<String>) {
        let name = printable(name);
        match self.0.iter().position(|(known, _)| *known == name) {
            Some(index) => {
                let Detail { value: known, .. } = self.0.remove(index).1;
                self.0.insert(index, (name, Detail { value: known.and(value), origin }));
            }
            None => self.0.push((name, Detail { value, origin })),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Detail)> {
        self.0.iter().map(|(name, detail)| (name.as_str(), detail))
    }
}

impl Serialize for Details {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.iter().try_for_each(|(name, detail)| map.serialize_entry(name, detail))?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_machines_values_have_types() {
        let mut details = Details::default();
        details.add("text", "a\nb");
        details.add("number", 5432_u16);
        details.add("flag", Value::of_sql("false"));
        details.add("duration", Value::Duration(Duration::from_millis(86_399_500)));
        details.add("time", Value::Time(SystemTime::UNIX_EPOCH));
        details.add_from("port", 5432_u16, "PGPORT");
        let json = r#"{"text":"a b","number":5432,"flag":false,"duration":86399.5,"time":"1970-01-01T00:00:00Z","port":{"value":5432,"origin":"PGPORT"}}"#;
        assert_eq!(serde_json::to_string(&details).unwrap(), json);
        let texts: Vec<_> = details.iter().map(|(_, detail)| detail.to_string()).collect();
        let expected =
            ["a b", "5432", "false", "23 h 59 min", "1970-01-01T00:00:00Z", "5432 (PGPORT)"];
        assert_eq!(texts, expected);
    }

    #[test]
    fn what_is_found_under_one_name_is_a_list_in_order() {
        let mut details = Details::default();
        for (name, value) in [("b", "1"), ("a", "2"), ("b", "3"), ("b", "4")] {
            details.add(name, value);
        }
        assert_eq!(serde_json::to_string(&details).unwrap(), r#"{"b":["1","3","4"],"a":"2"}"#);
        assert_eq!(details.iter().next().unwrap().1.to_string(), "1, 3, 4");
    }
}
