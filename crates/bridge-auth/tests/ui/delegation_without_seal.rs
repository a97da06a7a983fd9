//! Nobody can vouch for a user without a seal.

use bridge_auth::Delegation;

fn main() {
    let _ = Delegation {
        key_id: "key-1".to_owned(),
    };
    let _ = Delegation::default();
}
