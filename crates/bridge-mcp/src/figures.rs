//! How tool servers are, in numbers.

use std::cmp::Ordering;

/// All catalogues at one time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// How many catalogues there are.
    pub catalogues: usize,
    /// How many servers are listened to, of all catalogues.
    pub listened_to: usize,
    /// Their servers, in the order of their names.
    pub servers: Vec<ServerFigures>,
}

/// One server, over all catalogues that have it: all of one name, while it is being changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFigures {
    /// Its name.
    pub name: String,
    /// Its address, without the query.
    pub url: String,
    /// For how many identities it is open.
    pub open: usize,
    /// For how many it is being opened for the first time.
    pub opening: usize,
    /// For how many it is down, and tried again.
    pub down: usize,
    /// For how many there is nothing to present to it.
    pub without_credential: usize,
    /// How many tools it offers to the identity that has most of them.
    pub tools: usize,
    /// How many further ones it lists that cannot be used.
    pub left_out: usize,
    /// What the last failure was of an identity for which it is down, if it is for any:
    /// [`McpError::kind`](crate::McpError::kind).
    pub trouble: Option<&'static str>,
}

/// How a server is for one identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Opening,
    Open,
    Down(&'static str),
    WithoutCredential,
}

impl Figures {
    /// Adds a server of one identity.
    pub(crate) fn add(
        &mut self,
        (name, url): (&str, &str),
        standing: Standing,
        (tools, left_out): (usize, usize),
    ) {
        let is_it = |server: &&mut ServerFigures| server.name == name;
        let server = match self.servers.iter_mut().find(is_it) {
            Some(server) => server,
            None => {
                let new = ServerFigures::new(name, url);
                self.servers.push_mut(new)
            }
        };
        match standing {
            Standing::Opening => server.opening += 1,
            Standing::Open => server.open += 1,
            Standing::Down(trouble) => {
                server.down += 1;
                server.trouble = Some(trouble);
            }
            Standing::WithoutCredential => server.without_credential += 1,
        }
        server.tools = server.tools.max(tools);
        server.left_out = server.left_out.max(left_out);
    }
}

impl ServerFigures {
    fn new(name: &str, url: &str) -> Self {
        Self {
            name: name.to_owned(),
            url: url.to_owned(),
            open: 0,
            opening: 0,
            down: 0,
            without_credential: 0,
            tools: 0,
            left_out: 0,
            trouble: None,
        }
    }

    pub(crate) fn order(one: &Self, other: &Self) -> Ordering {
        one.name.cmp(&other.name)
    }
}
