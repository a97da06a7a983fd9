//! Archives of text: a comment, then sections that begin with a line `-- name --`.

/// The sections of an archive, in order.
pub(super) fn sections(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut open: Option<(&str, usize)> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some(name) = marker(line) {
            close(text, open, at, &mut found);
            open = Some((name, at + line.len()));
        }
        at += line.len();
    }
    close(text, open, at, &mut found);
    found
}

/// The text of the section of this name.
pub(super) fn section<'t>(sections: &[(&str, &'t str)], wanted: &str) -> Option<&'t str> {
    let mut sections = sections.iter();
    let found = sections.find(|(name, _)| *name == wanted);
    found.map(|(_, text)| *text)
}

fn close<'t>(
    text: &'t str,
    open: Option<(&'t str, usize)>,
    end: usize,
    found: &mut Vec<(&'t str, &'t str)>,
) {
    if let Some((name, start)) = open {
        found.push((name, text.get(start..end).unwrap_or_default()));
    }
}

fn marker(line: &str) -> Option<&str> {
    let name = line.trim_end().strip_prefix("-- ")?.strip_suffix(" --")?;
    Some(name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives() {
        let check = |text: &str, expected: &[(&str, &str)]| assert_eq!(sections(text), expected);
        check("", &[]);
        check("only a comment\n", &[]);
        check("-- one --\n", &[("one", "")]);
        check(
            "comment\n-- one --\na\n\n-- two/three --\n-- no\nb",
            &[("one", "a\n\n"), ("two/three", "-- no\nb")],
        );
    }
}
