use super::*;

fn spec() -> ServerSpec {
    ServerSpec {
        id: "1".to_owned(),
        name: "files".to_owned(),
        url: "https://tools.example.com/mcp".to_owned(),
        allow: Vec::new(),
        deny: Vec::new(),
        headers: vec![("X-Team".to_owned(), Secret::new("a value".to_owned()))],
        credential: Credential::Token(Secret::new("a token".to_owned())),
        manners: Manners::default(),
    }
}

#[test]
fn a_good_description_is_a_server_that_shows_no_secret() {
    let server = Server::try_new(spec()).unwrap();
    assert_eq!(server.endpoint().authority(), "tools.example.com");
    let shown = format!("{server:?} {:?}", server.spec());
    assert!(
        !shown.contains("a value") && !shown.contains("a token"),
        "{shown}"
    );
}

#[test]
fn the_address_is_used_as_it_is_written() {
    for (url, target) in [
        ("https://x", "/"),
        ("https://x/mcp", "/mcp"),
        ("https://x/mcp/", "/mcp/"),
        ("https://x/a/b?c=d&e", "/a/b?c=d&e"),
        ("https://x?c=d", "/?c=d"),
    ] {
        let mut spec = spec();
        url.clone_into(&mut spec.url);
        assert_eq!(Server::try_new(spec).unwrap().target(), target);
    }
}

#[test]
fn a_key_in_the_query_is_not_shown() {
    let mut spec = spec();
    "https://x/mcp?key=secret&a?b".clone_into(&mut spec.url);
    let server = Server::try_new(spec).unwrap();
    assert_eq!(server.shown_url(), "https://x/mcp");
    let mut spec = server.spec().clone();
    "https://x".clone_into(&mut spec.url);
    assert_eq!(Server::try_new(spec).unwrap().shown_url(), "https://x");
}

fn refused(change: impl Fn(&mut ServerSpec)) -> String {
    let mut spec = spec();
    change(&mut spec);
    Server::try_new(spec).unwrap_err().to_string()
}

#[test]
fn what_cannot_be_used_is_refused() {
    for name in ["", "-a", "_a", "A", "a b", "a.b", "é", &"a".repeat(33)] {
        let error = refused(|spec| name.clone_into(&mut spec.name));
        assert!(error.contains("is no name of a tool server"), "{error}");
    }
    for url in ["", "mcp", "ftp://x/", "https://user:pass@x/"] {
        let error = refused(|spec| url.clone_into(&mut spec.url));
        assert!(error.contains("the address of tool server"), "{error}");
        assert!(!error.contains("pass@"), "{error}");
    }
    let error = refused(|spec| spec.deny.push("(".to_owned()));
    assert!(error.contains("a pattern of tool server"), "{error}");
    for (name, value) in [
        ("a b", "x"),
        ("Mcp-Session-Id", "x"),
        ("content-length", "1"),
        ("X-Broken", "a\nb"),
    ] {
        let header = (name.to_owned(), Secret::new(value.to_owned()));
        let error = refused(|spec| spec.headers.push(header.clone()));
        assert!(error.contains(name) && !error.contains("a\nb"), "{error}");
    }
}

#[test]
fn one_description_is_one_server_while_it_is_in_use() {
    let servers = Servers::default();
    let one = servers.admit(spec()).unwrap();
    assert!(Arc::ptr_eq(&one, &servers.admit(spec()).unwrap()));
    let mut changed = spec();
    changed.headers[0].1 = Secret::new("another".to_owned());
    assert!(!Arc::ptr_eq(&one, &servers.admit(changed).unwrap()));
    drop(one);
    servers.admit(spec()).unwrap();
    assert!(servers.0.lock().len() <= 2);
}
