//! Records that were delivered from memory and are therefore never written: what they did to the
//! list of open interceptions.

use super::Entry;
use crate::InterceptionId;
use crate::journal::format::Kind;

/// Beginnings and ends. One that has both is of no interest any more, so that this is bounded by
/// what runs at once.
#[derive(Debug, Default)]
pub(in crate::journal) struct Skipped(Vec<(u64, Kind, InterceptionId)>);

impl Skipped {
    /// Notes a record that is not written.
    pub(super) fn note(&mut self, entry: &Entry) {
        let interception = entry.record.interception;
        let kind = Kind::of(&entry.record);
        let counterpart = match kind {
            Kind::Starts => Kind::Ends,
            Kind::Ends => Kind::Starts,
            Kind::Other => return,
        };
        let is_counterpart = |(_, kind, id): &(u64, Kind, InterceptionId)| {
            *kind == counterpart && *id == interception
        };
        match self.0.iter().position(is_counterpart) {
            Some(at) => drop(self.0.swap_remove(at)),
            None => self.0.push((entry.seq, kind, interception)),
        }
    }

    /// Takes out those that came before the record `seq`. What came later says nothing before what
    /// is written in between does.
    pub(in crate::journal) fn take_before(&mut self, seq: u64) -> Vec<(Kind, InterceptionId)> {
        let taken = self.0.extract_if(.., |(own, _, _)| *own < seq);
        taken.map(|(_, kind, id)| (kind, id)).collect()
    }
}
