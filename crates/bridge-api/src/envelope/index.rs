//! Where the members of a request stand.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

use super::insert::Inserted;
use super::scan::{Fault, Scanner};
use super::{EnvelopeError, EnvelopeLimits};

/// How many items at the end of an array are remembered. What is new in a request stands there.
pub(crate) const TAIL: usize = 64;

/// One top-level member. All ranges are of the request's bytes.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Everything between the comma or bracket before and the one behind.
    pub(super) span: Range<usize>,
    /// The name, without its quotation marks.
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
    /// The last items, if the value is an array.
    pub(super) tail: VecDeque<Range<usize>>,
    pub(super) replaced: Option<Bytes>,
    /// What was put into the array since.
    pub(super) inserted: Option<Box<Inserted>>,
    pub(super) is_removed: bool,
}

impl Member {
    /// Whether the value is the one that was parsed.
    pub(super) fn is_as_parsed(&self) -> bool {
        self.replaced.is_none() && self.inserted.is_none()
    }
}

/// Walks over the whole body once.
pub(super) fn index(body: &[u8], limits: &EnvelopeLimits) -> Result<Vec<Member>, EnvelopeError> {
    let mut scanner = Scanner::new(body, limits.depth);
    match scanner.peek_past_space() {
        None => return Err(EnvelopeError::Empty),
        Some(b'{') => {}
        Some(_) => return Err(no_object(scanner, limits)),
    }
    let fault = |fault| EnvelopeError::of(fault, limits.depth);
    if limits.depth == 0 {
        return Err(fault(Fault::TooDeep(scanner.at())));
    }
    scanner.pass();
    let members = members(&mut scanner, limits.members).map_err(fault)?;
    let Some(members) = members else {
        return Err(EnvelopeError::TooMany {
            limit: limits.members,
        });
    };
    match scanner.peek_past_space() {
        None => Ok(members),
        Some(_) => Err(EnvelopeError::Trailing {
            position: scanner.at(),
        }),
    }
}

fn no_object(mut scanner: Scanner<'_>, limits: &EnvelopeLimits) -> EnvelopeError {
    match scanner.value(0) {
        Ok(()) => EnvelopeError::NotAnObject,
        Err(fault) => EnvelopeError::of(fault, limits.depth),
    }
}

/// The members up to the closing bracket, or none when there are too many.
fn members(scanner: &mut Scanner<'_>, limit: usize) -> Result<Option<Vec<Member>>, Fault> {
    let mut members = Vec::new();
    let mut start = scanner.at();
    if scanner.peek_past_space() == Some(b'}') {
        scanner.pass();
        return Ok(Some(members));
    }
    loop {
        if members.len() == limit {
            return Ok(None);
        }
        members.push(member(scanner, start)?);
        match scanner.peek() {
            Some(b',') => scanner.pass(),
            Some(b'}') => break,
            Some(_) | None => return Err(scanner.fault()),
        }
        start = scanner.at();
    }
    scanner.pass();
    Ok(Some(members))
}

fn member(scanner: &mut Scanner<'_>, start: usize) -> Result<Member, Fault> {
    scanner.peek_past_space();
    let quotation_mark = scanner.at();
    let name_end = scanner.name()?;
    let mut tail = VecDeque::new();
    let first = scanner.peek_past_space();
    let value = scanner.at();
    if first == Some(b'[') {
        items(scanner, &mut tail)?;
    } else {
        scanner.value(1)?;
    }
    let value = value..scanner.at();
    scanner.peek_past_space();
    Ok(Member {
        span: start..scanner.at(),
        name: quotation_mark + 1..name_end - 1,
        value,
        tail,
        replaced: None,
        inserted: None,
        is_removed: false,
    })
}

fn items(scanner: &mut Scanner<'_>, tail: &mut VecDeque<Range<usize>>) -> Result<(), Fault> {
    scanner.enter_array(1)?;
    if scanner.peek_past_space() == Some(b']') {
        scanner.pass();
        return Ok(());
    }
    loop {
        scanner.peek_past_space();
        if tail.len() == TAIL {
            tail.pop_front();
        }
        let from = scanner.at();
        scanner.value(2)?;
        tail.push_back(from..scanner.at());
        match scanner.peek_past_space() {
            Some(b',') => scanner.pass(),
            Some(b']') => break,
            Some(_) | None => return Err(scanner.fault()),
        }
    }
    scanner.pass();
    Ok(())
}
