use bridge_upstream::Manners;

use super::*;
use crate::listing::Page;
use crate::{Credential, ServerSpec};

fn server(name: &str) -> Arc<Server> {
    let spec = ServerSpec {
        id: String::new(),
        name: name.to_owned(),
        url: "http://127.0.0.1:1/mcp".to_owned(),
        allow: Vec::new(),
        deny: vec!["secret".to_owned()],
        headers: Vec::new(),
        credential: Credential::None,
        manners: Manners::default(),
    };
    Arc::new(Server::try_new(spec).unwrap())
}

fn stock(server: &Arc<Server>, tools: &[&str]) -> Stock {
    let tools: Vec<_> = tools
        .iter()
        .map(|name| format!(r#"{{"name":"{name}"}}"#))
        .collect();
    let page = format!(r#"{{"tools":[{}]}}"#, tools.join(","));
    let page = Page::read(page.as_bytes()).unwrap();
    Stock {
        listing: Some(server.admit(Listing::of(vec![page]), 9).unwrap()),
        server: Arc::clone(server),
    }
}

fn names(shelf: &Shelf) -> Vec<&str> {
    shelf.tools().iter().map(Tool::name).collect()
}

#[test]
fn tools_are_in_the_order_of_their_names_and_found_by_them() {
    let (a, b) = (server("a"), server("b"));
    let shelves = Shelves::default();
    let shelf = shelves.of(vec![stock(&b, &["z", "secret", "a"]), stock(&a, &["m"])]);
    assert_eq!(names(&shelf), ["bmcp_a_m", "bmcp_b_a", "bmcp_b_z"]);
    let tool = shelf.tool("bmcp_b_z").unwrap();
    assert_eq!((tool.own_name(), tool.server().name()), ("z", "b"));
    assert!(shelf.tool("bmcp_b_secret").is_none());
}

#[test]
fn the_same_tools_are_one_shelf_and_what_was_made_of_it_is_kept() {
    let (a, b) = (server("a"), server("b"));
    let shelves = Shelves::default();
    let one = shelves.of(vec![stock(&a, &["m"]), stock(&b, &["n"])]);
    let same = shelves.of(vec![stock(&b, &["n"]), stock(&a, &["m"])]);
    let other = shelves.of(vec![stock(&a, &["m"])]);
    assert!(Arc::ptr_eq(&one, &same));
    assert_ne!(one.version(), other.version());
    let made = one.once(|shelf| shelf.tools().len());
    assert!(Arc::ptr_eq(&made, &same.once(|_| 0_usize)));
    assert_eq!((*made, *one.once(|_| "another type")), (2, "another type"));
}

#[test]
fn a_shelf_without_tools_is_the_empty_one() {
    let a = server("a");
    let shelves = Shelves::default();
    let shelf = shelves.of(vec![stock(&a, &["secret"])]);
    assert!(shelf.is_empty() && Arc::ptr_eq(&shelf, &shelves.empty()));
}

#[test]
fn no_name_changes_when_another_server_comes_or_goes() {
    let (short, long) = (server("a"), server("a_b"));
    let shelves = Shelves::default();
    let down = |server: &Arc<Server>| Stock {
        server: Arc::clone(server),
        listing: None,
    };
    let (of_short, of_long) = (stock(&short, &["b_c", "m"]), stock(&long, &["c", "n"]));
    let both = shelves.of(vec![of_short.clone(), of_long.clone()]);
    let one = shelves.of(vec![of_short, down(&long)]);
    let other = shelves.of(vec![down(&short), of_long]);
    let mut apart = [names(&one), names(&other)].concat();
    apart.sort_unstable();
    assert_eq!(names(&both), apart);
    assert!(apart.contains(&"bmcp_a_b_c") && apart.contains(&"bmcp_a_m"));
    let plain = both.tool("bmcp_a_b_c").unwrap();
    assert_eq!(plain.server().name(), "a_b");
}
