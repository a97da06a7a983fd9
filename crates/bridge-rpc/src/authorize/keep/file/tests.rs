use proptest::prelude::*;

use super::*;

const HERE: &str = "https://control.example";

fn hasher() -> Hasher {
    Hasher::with_key(&[7; 64])
}

fn at(second: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(second)
}

fn copied() -> Copied {
    let kept = |number: u8, subject, email: Option<&str>| KeptGrant {
        digest: [number; 32],
        subject,
        grant: Arc::new(Grant {
            actor: Actor {
                id: ActorId::from_bytes([number; 16]),
                username: format!("user-{number}"),
                email: email.map(str::to_owned),
            },
            api_key_id: format!("key-{number}"),
            workspace_id: email.map(|_| "workspace".to_owned()),
            expires_at: email.map(|_| at(2_000_000_000)),
            standing: Standing::Confirmed,
        }),
        confirmed_at: at(1_800_000_000),
    };
    Copied {
        heard_at: at(1_800_000_100),
        grants: vec![
            kept(1, Subject::Key, Some("one@example.com")),
            kept(2, Subject::Permit, None),
        ],
    }
}

#[test]
fn what_is_written_is_read() {
    let empty = Copied {
        grants: Vec::new(),
        ..copied()
    };
    for copied in [copied(), empty] {
        let bytes = encode(&copied, &hasher(), HERE);
        assert_eq!(decode(&bytes, &hasher(), HERE), Ok(copied));
    }
}

/// A file of version 1 stays readable, byte for byte.
#[test]
fn version_one_is_what_it_was() {
    let empty = Copied {
        heard_at: at(1_800_000_100),
        grants: Vec::new(),
    };
    let bytes = encode(&empty, &hasher(), HERE);
    let (title, rest) = bytes.split_at(TITLE.len());
    assert_eq!(title, b"bridged grants 1\n");
    assert_eq!(rest[MAC_BYTES..], [8, 160, 173, 247, 194, 177, 52]);
}

#[test]
fn what_cannot_be_used_is_told_apart() {
    let bytes = encode(&copied(), &hasher(), HERE);
    let later = [b"bridged grants 2\n", &bytes[TITLE.len()..]].concat();
    let longer = [bytes.as_slice(), b"x"].concat();
    let rows: [(&str, &[u8], Unusable); 7] = [
        ("nothing", b"", Unusable::Foreign),
        ("another program's", b"SQLite format 3\0", Unusable::Foreign),
        ("a later version's", &later, Unusable::Version),
        ("its title alone", TITLE, Unusable::Damaged),
        ("torn in the seal", &bytes[..30], Unusable::Damaged),
        ("torn in the middle", &bytes[..100], Unusable::Damaged),
        ("with something behind", &longer, Unusable::Damaged),
    ];
    for (name, bytes, expected) in rows {
        assert_eq!(decode(bytes, &hasher(), HERE), Err(expected), "{name}");
    }
    let elsewhere = decode(&bytes, &hasher(), "https://other.example");
    assert_eq!(elsewhere, Err(Unusable::Damaged));
    let other = Hasher::with_key(&[8; 64]);
    assert_eq!(decode(&bytes, &other, HERE), Err(Unusable::Damaged));
}

#[test]
fn no_secret_and_no_hash_of_one_without_its_key_is_in_the_file() {
    let bytes = encode(&copied(), &hasher(), HERE);
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("key-1") && text.contains("user-1"), "{text}");
    assert!(!bytes.windows(64).any(|window| window == [7; 64]));
}

proptest! {
    /// Any change of any byte is noticed.
    #[test]
    fn a_changed_file_is_never_used(at in 0..400_usize, flip in 1..=255_u8) {
        let mut bytes = encode(&copied(), &hasher(), HERE);
        let at = at % bytes.len();
        bytes[at] ^= flip;
        prop_assert!(decode(&bytes, &hasher(), HERE).is_err());
    }

    #[test]
    fn anything_at_all_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(decode(&bytes, &hasher(), HERE).is_err());
        let sealed = [TITLE, &mac(&hasher(), HERE, &bytes), &bytes].concat();
        let _any = decode(&sealed, &hasher(), HERE);
    }
}

#[test]
fn the_key_is_made_once_and_made_again_when_it_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(KEY);
    let first = key(&path).unwrap();
    assert_ne!(first, [0; KEY_BYTES]);
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    assert_eq!(key(&path).unwrap(), first);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, MODE);
    fs::write(&path, b"short").unwrap();
    let second = key(&path).unwrap();
    assert_ne!(second, first);
    assert_eq!(key(&path).unwrap(), second);
}
