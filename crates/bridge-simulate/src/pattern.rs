//! Patterns of names.

/// Whether a name fits a pattern: `*` stands for any letters, `!` at the beginning turns the pattern
/// into all names that do not fit the rest.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix('!') {
        Some(pattern) => !is_like(pattern, name),
        None => is_like(pattern, name),
    }
}

fn is_like(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let check = |pattern: &str, name: &str, wanted: bool| {
            assert_eq!(fits(pattern, name), wanted, "{pattern} {name}");
        };
        check("Read", "Read", true);
        check("Read", "ReadAll", false);
        check("bmcp_*", "bmcp_a_b", true);
        check("bmcp_*", "mcp_a_b", false);
        check("*_echo", "bmcp_a_echo", true);
        check("bmcp_*_echo", "bmcp_a_b_echo", true);
        check("bmcp_*_echo", "bmcp_echo", false);
        check("a*a", "a", false);
        check("a*b*b", "a-b", false);
        check("*", "", true);
        check("!bmcp_*", "Read", true);
        check("!bmcp_*", "bmcp_a", false);
    }
}
