use super::*;

fn names(page: &Page) -> Vec<&str> {
    page.tools.iter().map(|tool| tool.name.as_str()).collect()
}

#[test]
fn a_schema_is_kept_byte_for_byte() {
    let schema = r##"{ "type":"object","$defs":{"é":{"const":12345678901234567890123.50}},
        "properties":{"b":{"$ref":"#/$defs/é"},"a":{"default":1e2,"x":[null,true,-0]}},
        "additionalProperties" : false,"oneOf":[]}"##;
    let page = format!(r#"{{"tools":[{{"inputSchema":{schema},"name":"t"}}]}}"#);
    let page = Page::read(page.as_bytes()).unwrap();
    assert_eq!(page.tools[0].input_schema, schema);
    assert_eq!((page.left_out, page.next), (0, None));
}

#[test]
fn a_tool_that_cannot_be_used_costs_no_other() {
    let bad = [
        r#"{"inputSchema":{"type":"object"}}"#,
        r#"{"name":"","inputSchema":{"type":"object"}}"#,
        r#"{"name":7,"inputSchema":{"type":"object"}}"#,
        r#"{"name":"x","name":"y","inputSchema":{"type":"object"}}"#,
        r#"{"name":"x","inputSchema":{"type":"object","type":"object"}}"#,
        r#"{"name":"x","inputSchema":{"type":"object","a":[{"b":1,"b":2}]}}"#,
        r#"{"name":"x","inputSchema":{"type":"object","a":{"b":1,"\u0062":2}}}"#,
        r#"{"name":"x","inputSchema":{"type":"string"}}"#,
        r#"{"name":"x","inputSchema":{"type":["object","null"]}}"#,
        r#"{"name":"x","inputSchema":{}}"#,
        r#"{"name":"x","inputSchema":[]}"#,
        r#"{"name":"x","inputSchema":"{}"}"#,
        r#"{"name":"x","inputSchema":{"type":"object","a":"\ud800"}}"#,
        "null",
        "[]",
        r#"["x"]"#,
    ];
    let deep = format!(
        r#"{{"name":"x","inputSchema":{{"type":"object","a":{}1{}}}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    let long = format!(r#"{{"name":"{}"}}"#, "n".repeat(257));
    for bad in bad.into_iter().chain([deep.as_str(), long.as_str()]) {
        let page = format!(r#"{{"tools":[{{"name":"one"}},{bad},{{"name":"two"}}]}}"#);
        let page = Page::read(page.as_bytes()).unwrap();
        assert_eq!(
            (names(&page), page.left_out),
            (vec!["one", "two"], 1),
            "{bad}"
        );
    }
}

#[test]
fn what_is_missing_has_a_meaning() {
    let page = r#"{"tools":[{"name":"a","title":"A","description":""},
        {"name":"b","title":"B","description":"Says b.","annotations":{"x":1},"inputSchema":null},
        {"name":"c"}],"nextCursor":"two","_meta":{}}"#;
    let page = Page::read(page.as_bytes()).unwrap();
    let described: Vec<_> = page.tools.iter().map(|tool| &*tool.description).collect();
    assert_eq!(described, ["A", "Says b.", ""]);
    assert_eq!(page.tools[2].input_schema, NOTHING);
    assert_eq!(page.next.as_deref(), Some("two"));
}

#[test]
fn what_is_no_page_is_an_error() {
    for bad in [
        "",
        "{}",
        "[]",
        "[[]]",
        r#"{"tools":{}}"#,
        r#"{"tools":[],"tools":[]}"#,
        r#"{"tools":[{]}"#,
        r#"{"tools":[]"#,
        r#"{"tools":[],"nextCursor":7}"#,
    ] {
        let error = Page::read(bad.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), "malformed", "{bad}");
    }
}

#[test]
fn a_listing_is_in_order_and_has_each_name_once() {
    let page = |names: &[&str]| {
        let tools: Vec<_> = names
            .iter()
            .map(|name| format!(r#"{{"name":"{name}"}}"#))
            .collect();
        Page::read(format!(r#"{{"tools":[{}]}}"#, tools.join(",")).as_bytes()).unwrap()
    };
    let listing = Listing::of(vec![page(&["b", "a"]), page(&["c", "a"])]);
    let names: Vec<_> = listing.tools.iter().map(|tool| &*tool.name).collect();
    assert_eq!((names, listing.left_out), (vec!["a", "b", "c"], 1));
}

#[test]
fn the_same_listing_is_kept_once() {
    let listings = Listings::default();
    let page = || Page::read(br#"{"tools":[{"name":"a"}]}"#).unwrap();
    let one = listings.share(Listing::of(vec![page()]));
    let same = listings.share(Listing::of(vec![page()]));
    let other = listings.share(Listing::default());
    assert!(Arc::ptr_eq(&one, &same) && !Arc::ptr_eq(&one, &other));
    drop((one, same, other));
    let _anew = listings.share(Listing::default());
    assert_eq!(listings.0.lock().len(), 1);
}
