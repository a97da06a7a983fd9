//! The tools of one identity, from all its servers.

mod name;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;

use self::name::names;
use crate::Server;
use crate::listing::{Listing, ToolDef};

/// How many different shelves are compared with a new one.
const MOST_COMPARED: usize = 256;

/// The tools of one identity at one time, in the order of their names. It never changes; another
/// one takes its place. Identities with the same tools have the same shelf.
pub struct Shelf {
    version: u64,
    tools: Vec<Tool>,
    /// What it was made of.
    stock: Vec<Stock>,
    made: OnceLock<Arc<dyn Any + Send + Sync>>,
}

/// A server and what it lists, if it is open. One that is not has a say in the names of others, or
/// these would change whenever it comes and goes.
#[derive(Debug, Clone)]
pub(crate) struct Stock {
    pub(crate) server: Arc<Server>,
    pub(crate) listing: Option<Arc<Listing>>,
}

/// A tool that can be offered to a model.
#[derive(Debug, Clone)]
pub struct Tool {
    name: String,
    server: Arc<Server>,
    def: Arc<ToolDef>,
}

impl Tool {
    /// The name by which a model calls it: `bmcp_<server>_<tool>`, at most 64 characters of `a-z`,
    /// `A-Z`, `0-9`, `_` and `-`, and no other tool of the shelf has it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server that has it.
    #[must_use]
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// The server's own name for it.
    #[must_use]
    pub fn own_name(&self) -> &str {
        &self.def.name
    }

    /// What it is for.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.def.description
    }

    /// The JSON schema of its arguments, byte for byte as the server wrote it. It is a JSON object.
    #[must_use]
    pub fn input_schema(&self) -> &str {
        &self.def.input_schema
    }
}

impl Shelf {
    /// A number that no other shelf of this process has.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The tools, in the order of their names.
    #[must_use]
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    /// The tool that a model calls so.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&Tool> {
        let place = self
            .tools
            .binary_search_by(|tool| tool.name.as_str().cmp(name));
        self.tools.get(place.ok()?)
    }

    /// What `make` makes of this shelf, made once for all identities that have it and kept as long
    /// as it. There is one place, for the first type that is asked for; for any other `make` is
    /// called each time.
    pub fn once<T: Any + Send + Sync>(&self, make: impl Fn(&Self) -> T) -> Arc<T> {
        let kept = self.made.get_or_init(|| Arc::new(make(self)));
        let kept = Arc::clone(kept).downcast::<T>();
        kept.unwrap_or_else(|_| Arc::new(make(self)))
    }

    fn of(stock: Vec<Stock>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let listed = stock.iter().flat_map(|stock| {
            let tools = stock.listing.iter().flat_map(|listing| &listing.tools);
            tools.map(|def| (Arc::clone(&stock.server), Arc::clone(def)))
        });
        let listed: Vec<_> = listed.collect();
        let named = listed
            .iter()
            .map(|(server, def)| (server.name(), &*def.name));
        let servers: Vec<_> = stock.iter().map(|stock| stock.server.name()).collect();
        let names = names(&named.collect::<Vec<_>>(), &servers);
        let tools = names.into_iter().zip(listed);
        let tools = tools.filter_map(|(name, (server, def))| {
            Some(Tool {
                name: name?,
                server,
                def,
            })
        });
        let mut tools: Vec<_> = tools.collect();
        tools.sort_by(|one, other| one.name.cmp(&other.name));
        Self {
            version: NEXT.fetch_add(1, Ordering::Relaxed),
            tools,
            stock,
            made: OnceLock::new(),
        }
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf")
            .field("version", &self.version)
            .field("tools", &self.tools.len())
            .finish_non_exhaustive()
    }
}

/// The shelves that are in use.
#[derive(Debug)]
pub(crate) struct Shelves {
    empty: Arc<Shelf>,
    known: Mutex<Vec<Weak<Shelf>>>,
}

impl Default for Shelves {
    fn default() -> Self {
        Self {
            empty: Arc::new(Shelf::of(Vec::new())),
            known: Mutex::default(),
        }
    }
}

impl Shelves {
    /// The one without tools.
    pub(crate) fn empty(&self) -> Arc<Shelf> {
        Arc::clone(&self.empty)
    }

    /// The shelf of these servers, in the order of their names: one that is in use already, or a new
    /// one.
    pub(crate) fn of(&self, mut stock: Vec<Stock>) -> Arc<Shelf> {
        for one in &mut stock {
            one.listing.take_if(|listing| listing.tools.is_empty());
        }
        if stock.iter().all(|stock| stock.listing.is_none()) {
            return self.empty();
        }
        stock.sort_by(|one, other| one.server.name().cmp(other.server.name()));
        let mut known = self.known.lock();
        known.retain(|shelf| shelf.strong_count() > 0);
        let mut same = known.iter().filter_map(Weak::upgrade);
        if let Some(shelf) = same.find(|shelf| is_same(&shelf.stock, &stock)) {
            return shelf;
        }
        let shelf = Arc::new(Shelf::of(stock));
        if known.len() < MOST_COMPARED {
            known.push(Arc::downgrade(&shelf));
        }
        shelf
    }
}

/// Listings are kept once, so that it is enough to compare where they are.
fn is_same(one: &[Stock], other: &[Stock]) -> bool {
    let same = |(one, other): (&Stock, &Stock)| {
        let listings = (one.listing.as_ref(), other.listing.as_ref());
        let is_same = match listings {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        is_same && Arc::ptr_eq(&one.server, &other.server)
    };
    one.len() == other.len() && one.iter().zip(other).all(same)
}
