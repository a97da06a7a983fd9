//! Sets of labels that several subjects use, and how a closed enum becomes a label's value.

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::{
    EncodeLabel, EncodeLabelSet, EncodeLabelValue, LabelSetEncoder, LabelValueEncoder,
};

/// Spells a closed enum as values of a label.
macro_rules! label_values {
    ($name:ident { $($variant:ident => $text:literal),+ $(,)? }) => {
        impl prometheus_client::encoding::EncodeLabelValue for $name {
            fn encode(
                &self,
                encoder: &mut prometheus_client::encoding::LabelValueEncoder<'_>,
            ) -> Result<(), std::fmt::Error> {
                match self {
                    $(Self::$variant => $text,)+
                }
                .encode(encoder)
            }
        }
    };
}
pub(super) use label_values;

/// A set of labels that can say their names, for the reference.
pub(super) trait Labelled: EncodeLabelSet {
    /// In the order in which they are written.
    fn names() -> Vec<&'static str>;
}

/// Makes a set of labels.
macro_rules! label_set {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident { $($field_vis:vis $field:ident: $kind:ty),+ $(,)? }
    ) => {
        #[derive(Debug, Clone, PartialEq, Eq, Hash, prometheus_client::encoding::EncodeLabelSet)]
        $(#[$meta])*
        $vis struct $name { $($field_vis $field: $kind),+ }

        impl $crate::metrics::labels::Labelled for $name {
            fn names() -> Vec<&'static str> {
                vec![$(stringify!($field)),+]
            }
        }
    };
}
pub(super) use label_set;

/// The same labels for each user apart, or for all together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PerUser<L> {
    pub(super) labels: L,
    /// Nothing while users have no figures of their own.
    pub(super) user: Option<Name>,
}

impl<L: EncodeLabelSet> EncodeLabelSet for PerUser<L> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        self.labels.encode(encoder)?;
        match &self.user {
            Some(user) => ("user", user.0.as_ref()).encode(encoder.encode_label()),
            None => Ok(()),
        }
    }
}

impl<L: Labelled> Labelled for PerUser<L> {
    fn names() -> Vec<&'static str> {
        let mut names = L::names();
        names.push("user");
        names
    }
}

/// A name as a label's value. Cloning shares its text, so that an event costs no allocation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Name(Arc<str>);

impl Name {
    pub(super) fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }
}

impl From<&Arc<str>> for Name {
    fn from(text: &Arc<str>) -> Self {
        Self(Arc::clone(text))
    }
}

impl EncodeLabelValue for Name {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.0.as_ref().encode(encoder)
    }
}

label_set! {
    pub(super) struct ProviderLabels {
        pub(super) provider: Name,
    }
}

label_set! {
    pub(super) struct ReasonLabels {
        pub(super) provider: Name,
        pub(super) reason: &'static str,
    }
}

label_set! {
    pub(super) struct KindLabels {
        pub(super) kind: &'static str,
    }
}
