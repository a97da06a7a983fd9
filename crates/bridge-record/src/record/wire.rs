//! How values that are not ours, and times, are written.

pub(super) mod time {
    use std::time::{Duration, SystemTime};

    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Nanoseconds since 1970: what a clock gives is kept whole until the year 2554.
    pub(crate) fn serialize<S: Serializer>(at: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        let since = at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_nanos())
            .map_err(|_| S::Error::custom("the time is out of range"))?
            .serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        let nanos = u64::deserialize(from)?;
        Ok(SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos))
    }
}

pub(super) mod actor {
    use bridge_auth::ActorId;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use uuid::Uuid;

    pub(crate) fn serialize<S: Serializer>(actor: &ActorId, to: S) -> Result<S::Ok, S::Error> {
        Uuid::from_bytes(*actor.as_bytes()).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ActorId, D::Error> {
        Ok(ActorId::from_bytes(Uuid::deserialize(from)?.into_bytes()))
    }
}

pub(super) mod key_source {
    use bridge_auth::KeySource;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(source: &KeySource, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(source.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<KeySource, D::Error> {
        let text = String::deserialize(from)?;
        [KeySource::Centralized, KeySource::Byok]
            .into_iter()
            .find(|source| source.as_str() == text)
            .ok_or_else(|| D::Error::custom("no such kind of credential"))
    }
}
