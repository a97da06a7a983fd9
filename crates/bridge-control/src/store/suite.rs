//! The cases that every store must pass.
//!
//! `store_suite!(fresh)` makes one test of each; `fresh` is an async function that gives a value to
//! keep (a folder, say) and an empty store as `Arc<dyn Store>`.

pub mod accounts;
pub mod gateway_keys;
pub mod lists;
pub mod providers;
pub mod records;
mod sample;
pub mod tools;

use super::StoreError;

/// How a case ends: by an error of the store, by a panic at what was not as it must be, or well.
pub type Case = Result<(), StoreError>;

/// Makes a test of each case.
#[macro_export]
macro_rules! store_suite {
    ($fresh:path) => {
        $crate::store_suite!(@each $fresh;
            accounts::users_are_kept
            accounts::names_of_deleted_users_are_free
            accounts::users_change
            accounts::users_come_in_pages
            accounts::keys_are_kept
            accounts::keys_of_a_user_are_listed
            accounts::many_keys_are_found_at_once
            gateway_keys::gateway_keys_are_kept
            gateway_keys::gateway_keys_come_in_pages
            gateway_keys::gateway_keys_are_deleted
            gateway_keys::gateways_are_seen
            providers::providers_are_kept
            providers::every_change_has_a_generation
            providers::keys_are_what_was_given_last
            tools::tool_servers_are_kept
            tools::every_change_of_tool_servers_has_a_generation
            tools::tokens_of_users_are_kept
            tools::tokens_go_with_their_server_and_user
            tools::refusals_of_tokens_are_noted
            tools::tokens_of_users_are_listed
            tools::what_is_sealed_is_known
            records::a_whole_interception_is_kept
            records::injected_calls_are_kept
            records::repeats_change_nothing
            records::only_the_first_end_counts
            records::what_cannot_be_kept_is_rejected_alone
            records::tool_results_continue_a_thread
            records::call_ids_of_others_are_no_lineage
            records::hints_change_for_central_keys_only
            records::many_writers_lose_nothing
            lists::sessions_gather_interceptions
            lists::sessions_of_two_users_do_not_merge
            lists::filters_choose
            lists::pages_hold_while_records_arrive
            lists::wrong_cursors_are_refused
        );
    };
    (@each $fresh:path; $($file:ident :: $case:ident)*) => {
        $(
            #[::tokio::test]
            async fn $case() {
                let (_kept, store) = $fresh().await;
                let end = $crate::store::suite::$file::$case(store.as_ref()).await;
                if let Err(error) = end {
                    panic!("the store failed: {error:?}");
                }
            }
        )*
    };
}
