//! Gauges of things that come and go: the whole list is replaced, so nothing is told of what is no
//! more.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::EncodeMetric;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

/// The list as it was told last. Cloning shares it. A scrape sees one list or the other, never a
/// part.
#[derive(Debug)]
pub(super) struct Listed<L>(Arc<Mutex<Samples<L>>>);

/// Labels and the value of each.
type Samples<L> = Arc<[(L, f64)]>;

impl<L> Clone for Listed<L> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<L> Default for Listed<L> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Arc::new([]))))
    }
}

impl<L> Listed<L> {
    /// From now on there are these samples and no others. Labels must differ.
    pub(super) fn replace(&self, samples: impl IntoIterator<Item = (L, f64)>) {
        let samples = samples.into_iter().collect();
        *self.0.lock() = samples;
    }
}

/// A list under its name.
#[derive(Debug)]
pub(super) struct ListedFamily<L> {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) list: Listed<L>,
}

impl<L> Collector for ListedFamily<L>
where
    L: EncodeLabelSet + fmt::Debug + Send + Sync + 'static,
{
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let samples = Arc::clone(&self.list.0.lock());
        if samples.is_empty() {
            return Ok(());
        }
        let mut family =
            encoder.encode_descriptor(self.name, self.help, None, MetricType::Gauge)?;
        for (labels, value) in samples.iter() {
            ConstGauge::new(*value).encode(family.encode_family(labels)?)?;
        }
        Ok(())
    }
}
