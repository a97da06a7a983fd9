//! The names by which models call tools.

use std::collections::HashMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// What the name of every injected tool begins with.
const PREFIX: &str = "bmcp";
/// Longest name that all providers take, in characters.
const LONGEST: usize = 64;
/// How many bytes of the hash stand behind a name that needs one, two characters each.
const HASH_BYTES: usize = 4;

/// Names for tools, each given as server and own name, in the same order. They have no other
/// characters than providers take, and none stands twice.
///
/// A name that is too long is cut and ends in a hash of server and own name, and so do all names of
/// one server that would be the same, and all that begin like those of another of `servers` with a
/// longer name, whether that has any now or not: none depends on which came first, or on what other
/// servers list. There is none for a tool whose name is taken even so, which somebody must have
/// meant.
pub(super) fn names(tools: &[(&str, &str)], servers: &[&str]) -> Vec<Option<String>> {
    let wished = tools.iter().map(|(server, tool)| {
        let name = plain(server, tool);
        let mut others = servers.iter().filter(|other| other.len() > server.len());
        let is_anothers = others.any(|other| name.starts_with(&beginning(other)));
        (name, is_anothers)
    });
    let wished: Vec<_> = wished.collect();
    let mut wanted: HashMap<&str, usize> = HashMap::with_capacity(wished.len());
    for (name, _) in wished.iter().filter(|(_, is_anothers)| !is_anothers) {
        *wanted.entry(name).or_default() += 1;
    }
    let named = tools.iter().zip(&wished);
    let named = named.map(|((server, tool), (name, is_anothers))| {
        let is_alone = !is_anothers && wanted.get(name.as_str()) == Some(&1);
        if is_alone && name.len() <= LONGEST {
            name.clone()
        } else {
            hashed(name, server, tool)
        }
    });
    let mut named: Vec<_> = named.map(Some).collect();
    let mut taken = std::collections::HashSet::new();
    for name in &mut named {
        if name
            .as_ref()
            .is_some_and(|name| !taken.insert(name.clone()))
        {
            *name = None;
        }
    }
    named
}

fn beginning(server: &str) -> String {
    format!("{PREFIX}_{server}_")
}

fn plain(server: &str, tool: &str) -> String {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let tool = tool.chars().map(|c| if good(c) { c } else { '_' });
    let mut name = beginning(server);
    name.extend(tool);
    name
}

fn hashed(name: &str, server: &str, tool: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(server.as_bytes());
    // Neither holds a zero byte that could move the border: server names are checked.
    hash.update([0]);
    hash.update(tool.as_bytes());
    let hash = hash.finalize();
    let kept = LONGEST - 1 - 2 * HASH_BYTES;
    // Every character is one byte by now.
    let mut name: String = name.chars().take(kept).collect();
    name.push('_');
    for byte in hash.iter().take(HASH_BYTES) {
        let _infallible = write!(name, "{byte:02x}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tools: &[(&str, &str)]) -> Vec<Option<String>> {
        let servers: Vec<_> = tools.iter().map(|(server, _)| *server).collect();
        super::names(tools, &servers)
    }

    fn check(tools: &[(&str, &str)], expected: &[&str]) {
        let names = names(tools);
        let names: Vec<_> = names.iter().map(|name| name.as_deref().unwrap()).collect();
        assert_eq!(names, expected);
        assert!(names.iter().all(|name| name.len() <= LONGEST), "{names:?}");
    }

    #[test]
    fn names_are_plain_where_they_can_be() {
        check(
            &[
                ("files", "read"),
                ("files", "a.b/c é"),
                ("x-1", "Read-It_2"),
            ],
            &[
                "bmcp_files_read",
                "bmcp_files_a_b_c__",
                "bmcp_x-1_Read-It_2",
            ],
        );
        let longest = "t".repeat(64 - "bmcp_s_".len());
        check(&[("s", &longest)], &[&format!("bmcp_s_{longest}")]);
    }

    #[test]
    fn long_names_end_in_a_hash_that_stays() {
        let (one, other) = ("t".repeat(60), format!("{}u", "t".repeat(59)));
        let both = names(&[("s", &one), ("s", &other)]);
        assert_ne!(both[0], both[1]);
        assert_eq!(both[1], names(&[("s", &other)])[0]);
        check(
            &[("s", &one)],
            &["bmcp_s_tttttttttttttttttttttttttttttttttttttttttttttttt_2e7a91d5"],
        );
    }

    #[test]
    fn names_that_would_be_the_same_are_told_apart_whoever_comes_first() {
        let both = [("a", "b_c"), ("a_b", "c")];
        let one_way = names(&both);
        let other_way = names(&[both[1], both[0]]);
        assert_eq!(one_way[0], other_way[1]);
        assert_eq!(one_way[1], other_way[0]);
        assert_ne!(one_way[0], one_way[1]);
        assert!(one_way[0].as_deref().unwrap().starts_with("bmcp_a_b_c_"));
        // Nor does it matter whether the other is there at all.
        let servers = ["a", "a_b"];
        assert_eq!(super::names(&both[..1], &servers), one_way[..1]);
        assert_eq!(super::names(&both[1..], &servers), one_way[1..]);
    }

    #[test]
    fn a_name_that_was_meant_to_be_taken_is_taken_once() {
        let both = names(&[("a", "b.c"), ("a", "b_c")]);
        let stolen = both[0].clone().unwrap().replace("bmcp_a_", "");
        let three = names(&[("a", "b.c"), ("a", "b_c"), ("a", &stolen)]);
        assert_eq!(three[..2], both[..]);
        assert_eq!(three[2], None);
    }
}
