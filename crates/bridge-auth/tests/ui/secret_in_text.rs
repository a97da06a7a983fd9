//! A secret has no text form.

use bridge_auth::Secret;

fn main() {
    let secret = Secret::new("operator-key".to_owned());
    let _ = format!("{secret}");
}
