//! What to say about settings that do not exist.

/// Names that people try, and where what they want is set. Lists stand without their index.
const ELSEWHERE: [(&str, &str); 12] = [
    (
        "listen.port",
        "give address and port together in listen.address",
    ),
    (
        "listen.host",
        "give address and port together in listen.address",
    ),
    (
        "listen.admin_address",
        "the operator's listener is set by listen.operator_address",
    ),
    ("data_folder", "it is set by folder in the section [data]"),
    ("data_dir", "it is set by folder in the section [data]"),
    ("data.dir", "it is set by data.folder"),
    ("log_level", "it is set by level in the section [log]"),
    ("provider", "providers are written as [[providers]]"),
    ("providers.url", "it is set by base_url"),
    ("providers.key", KEYS),
    ("providers.keys", KEYS),
    ("providers.api_key", KEYS),
];

const KEYS: &str =
    "name the variable that holds the key in api_key_env, or its file in api_key_file";

/// What to say about the setting `name` below `section`, where `known` are the names that exist.
pub(crate) fn unknown(section: &str, name: &str, known: &[&str]) -> String {
    let section = section.split('[').next().unwrap_or(section);
    let path = if section.is_empty() {
        name.to_owned()
    } else {
        format!("{section}.{name}")
    };
    if let Some((_, advice)) = ELSEWHERE.iter().find(|(old, _)| *old == path) {
        return format!("is not a setting: {advice}");
    }
    match nearest(name, known) {
        Some(near) => format!("is not a setting: did you mean {near}?"),
        None => format!("is not a setting: there are {}", known.join(", ")),
    }
}

/// The name that is at most two edits, and less than half of its letters, away.
pub(crate) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|near| (edits(name, near), *near))
        .filter(|(edits, near)| *edits <= 2 && edits * 2 < near.len())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, near)| near)
}

/// How many letters have to be put in, taken out or changed to make `one` of `other`.
fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut next = vec![line + 1];
        for ((column, against), pair) in other.iter().enumerate().zip(row.windows(2)) {
            let (&[diagonal, above], Some(&before)) = (pair, next.get(column)) else {
                break;
            };
            let change = diagonal + usize::from(letter != *against);
            next.push(change.min(above + 1).min(before + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelled_names_find_their_neighbours() {
        let known = ["address", "operator_address", "level"];
        assert_eq!(nearest("adress", &known), Some("address"));
        assert_eq!(nearest("levle", &known), Some("level"));
        assert_eq!(nearest("a", &known), None);
        assert_eq!(nearest("colour", &known), None);
    }

    #[test]
    fn edits_are_counted() {
        for (one, other, wanted) in [("", "abc", 3), ("abc", "abc", 0), ("kitten", "sitting", 3)] {
            assert_eq!(edits(one, other), wanted, "{one} {other}");
        }
    }

    #[test]
    fn names_from_elsewhere_are_explained() {
        let told = unknown("providers[3]", "api_key", &["name"]);
        assert!(told.contains("api_key_env"), "{told}");
        let told = unknown("", "data_dir", &["data"]);
        assert!(told.contains("[data]"), "{told}");
    }
}
