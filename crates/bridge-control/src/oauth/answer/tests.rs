//! Answers that are tokens, and answers that are none.

use super::*;

fn renewed(body: &str) -> Result<Renewed, RenewError> {
    read(200, body.as_bytes())
}

#[test]
fn tokens_are_read() {
    let check = |body: &str, refresh_token: Option<&str>, lifetime: Option<u64>| {
        let expected = Renewed {
            token: SecretText::new("new".to_owned()),
            refresh_token: refresh_token.map(|text| SecretText::new(text.to_owned())),
            lifetime: lifetime.map(Duration::from_secs),
        };
        assert_eq!(renewed(body).unwrap(), expected, "{body}");
    };
    check(r#"{"access_token":"new"}"#, None, None);
    check(
        r#"{"access_token":"new","token_type":"Bearer","expires_in":3600,"refresh_token":"next","scope":"a b","x":{}}"#,
        Some("next"),
        Some(3_600),
    );
    check(
        r#"{"access_token":"new","expires_in":"60"}"#,
        None,
        Some(60),
    );
    check(
        r#"{"access_token":"new","expires_in":1.5e3}"#,
        None,
        Some(1_500),
    );
    check(r#"{"access_token":"new","expires_in":-5}"#, None, None);
    check(r#"{"access_token":"new","expires_in":"soon"}"#, None, None);
    // No time at all is how some say that they do not know.
    check(r#"{"access_token":"new","expires_in":0}"#, None, None);
    check(r#"{"access_token":"new","expires_in":"0"}"#, None, None);
    check(r#"{"access_token":"new","expires_in":0.5}"#, None, None);
    // What is not needed may be nonsense: the refresh token before may be spent already.
    check(
        r#"{"access_token":"new","expires_in":[1],"token_type":5,"refresh_token":""}"#,
        None,
        None,
    );
    check(
        r#"{"access_token":"new","expires_in":null,"token_type":null,"refresh_token":null}"#,
        None,
        None,
    );
    // RFC 6749, appendix A.17: it may hold spaces.
    check(
        r#"{"access_token":"new","refresh_token":"a b"}"#,
        Some("a b"),
        None,
    );
    check(
        r#"{"access_token":"new","expires_in":18446744073709551615}"#,
        None,
        Some(LONGEST),
    );
}

#[test]
fn what_is_no_token_is_told_without_being_quoted() {
    for body in [
        "",
        "<html>hidden</html>",
        "[\"hidden\"]",
        r#"{"token":"hidden"}"#,
        r#"{"access_token":5}"#,
        r#"{"access_token":""}"#,
        r#"{"access_token":"hidden hidden"}"#,
        r#"{"access_token":"hid\nden"}"#,
        r#"{"access_token":"hidden","token_type":"mac"}"#,
        r#"{"error":"hidden"}"#,
        r#"{"access_token":"new","refresh_token":5}"#,
    ] {
        let told = renewed(body).unwrap_err();
        assert!(matches!(told, RenewError::Garbled(_)), "{body}: {told:?}");
        let shown = format!("{told} {told:?}");
        assert!(!shown.contains("hidden"), "{shown}");
    }
}

#[test]
fn refusals_are_told_apart() {
    let check = |status: u16, body: &str, expected: &str| {
        let told = read(status, body.as_bytes()).unwrap_err();
        assert!(
            format!("{told:?}").starts_with(expected),
            "{status} {body}: {told:?}"
        );
    };
    check(
        400,
        r#"{"error":"invalid_grant","error_description":"x"}"#,
        "Refused",
    );
    check(401, r#"{"error":"invalid_grant"}"#, "Refused");
    check(
        401,
        r#"{"error":"invalid_client"}"#,
        "Client(\"invalid_client\")",
    );
    check(400, r#"{"error":"own_word"}"#, "Status(400)");
    check(400, "no JSON", "Status(400)");
    check(503, r#"{"error":"invalid_grant"}"#, "Status(503)");
    check(302, "", "Status(302)");
    // GitHub refuses with success, and with a word of its own.
    check(200, r#"{"error":"bad_refresh_token"}"#, "Refused");
    check(200, r#"{"error":"invalid_grant"}"#, "Refused");
    check(
        200,
        r#"{"error":"invalid_client"}"#,
        "Client(\"invalid_client\")",
    );
    check(201, r#"{"access_token":"new"}"#, "Status(201)");
}
