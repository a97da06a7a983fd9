//! What is sent, letter by letter.

use super::*;
use crate::store::OAuth;

fn check(secret: Option<&str>, client_auth: ClientAuth, scopes: &[&str], expected: (&str, &str)) {
    let client = Client {
        oauth: OAuth {
            client_id: "a client".to_owned(),
            client_auth,
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            ..OAuth::default()
        },
        client_secret: secret.map(|text| SecretText::new(text.to_owned())),
        ca_pem: None,
        allowed_private: Vec::new(),
    };
    let made = request(&client, &SecretText::new("re+fresh/token".to_owned()));
    let header = made.authorization.as_deref().map_or("", String::as_str);
    assert_eq!((header, made.body.as_str()), expected);
}

#[test]
fn clients_prove_themselves_as_they_are_told_to() {
    let plain = "grant_type=refresh_token&refresh_token=re%2Bfresh%2Ftoken";
    check(
        None,
        ClientAuth::Basic,
        &[],
        ("", &format!("{plain}&client_id=a+client")),
    );
    check(
        None,
        ClientAuth::Post,
        &["read", "write"],
        ("", &format!("{plain}&scope=read+write&client_id=a+client")),
    );
    check(
        Some("p:w&d"),
        ClientAuth::Post,
        &[],
        (
            "",
            &format!("{plain}&client_id=a+client&client_secret=p%3Aw%26d"),
        ),
    );
    // "a+client:p%3Aw%26d"
    check(
        Some("p:w&d"),
        ClientAuth::Basic,
        &[],
        ("Basic YStjbGllbnQ6cCUzQXclMjZk", plain),
    );
}
