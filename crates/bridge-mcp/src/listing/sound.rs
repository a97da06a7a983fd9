//! Whether a schema can be put into a request beside the schemas of others.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Checks that this is a JSON object whose `type` is `object` and in which no object has a key
/// twice. Nesting is bounded by the reader, at 128 levels.
///
/// # Errors
/// When it is not.
pub(crate) fn check_schema(text: &str) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    Schema.deserialize(&mut reader)?;
    reader.end()
}

/// The outermost object.
struct Schema;

impl<'de> DeserializeSeed<'de> for Schema {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Schema {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a schema of type object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        let mut is_object = false;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key == "type" {
                let kind: Cow<'de, str> = map.next_value()?;
                is_object = kind == "object";
            } else {
                map.next_value_seed(Anything)?;
            }
            once(&mut keys, key)?;
        }
        if is_object {
            Ok(())
        } else {
            Err(A::Error::custom("the type is not object"))
        }
    }
}

/// Whatever stands deeper.
struct Anything;

impl<'de> DeserializeSeed<'de> for Anything {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Anything {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            map.next_value_seed(Self)?;
            once(&mut keys, key)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Self)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

fn once<'de, E: Error>(keys: &mut HashSet<Cow<'de, str>>, key: Cow<'de, str>) -> Result<(), E> {
    if keys.insert(key) {
        Ok(())
    } else {
        Err(E::custom("a key stands twice"))
    }
}
