//! What a provider will be: the one that there is, and what an operator gives. Nothing comes out of
//! here that breaks a rule.

use std::collections::HashSet;

use bridge_auth::Secret;
use uuid::Uuid;

use crate::api::{
    BedrockChange, KeyEntry, ProviderPatch, ProviderSpec, ProviderType, SecretText, UpstreamChange,
};
use crate::control::now;
use crate::error::ControlError;
use crate::store::{Bedrock, StoredProvider, StoredProviderKey, Upstream};
use crate::validate::{self, MOST_PROVIDER_KEYS};

/// Where InvokeModel's requests go unless told otherwise: inference profiles that answer in every
/// region, <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html>.
const MODEL: &str = "global.anthropic.claude-sonnet-4-5-20250929-v1:0";
/// The same for callers that ask for a small and fast model.
const SMALL_FAST_MODEL: &str = "global.anthropic.claude-haiku-4-5-20251001-v1:0";

type Drafted<T = StoredProvider> = Result<T, ControlError>;

/// A provider of this name as it is given, in place of the old one if there is one. What is not
/// given stays.
pub(super) fn made(old: Option<&StoredProvider>, name: &str, spec: &ProviderSpec) -> Drafted {
    if spec.name.as_deref().is_some_and(|given| given != name) {
        return Err(ControlError::invalid(
            "name",
            "is another one than in the path",
        ));
    }
    let named = validate::provider_type(&spec.kind)?;
    let old_bedrock = old.and_then(|old| old.bedrock.clone());
    let bedrock = match &spec.settings {
        // Whoever names another type takes them away: what is signed for AWS goes nowhere else.
        None => old_bedrock.filter(|_| named == ProviderType::Bedrock),
        Some(None) => None,
        // As a whole: nothing but what the server made stays.
        Some(Some(change)) => Some(bedrock(
            change,
            Bedrock {
                external_id: old_bedrock.and_then(|old| old.external_id),
                ..Bedrock::default()
            },
        )?),
    };
    let kind = kind(named, bedrock.is_some());
    let before = old.filter(|old| old.kind == kind);
    let address = before.map(|old| old.base_url.as_str());
    let at = now();
    let mut draft = StoredProvider {
        id: old.map_or_else(Uuid::now_v7, |old| old.id),
        name: name.to_owned(),
        kind,
        display_name: text(&spec.display_name, old, |old| &old.display_name),
        icon: text(&spec.icon, old, |old| &old.icon),
        base_url: base_url(kind, spec.base_url.as_deref().or(address))?,
        enabled: spec.enabled,
        keys: old.map(|old| old.keys.clone()).unwrap_or_default(),
        bedrock,
        upstream: match &spec.upstream {
            None => old.and_then(|old| old.upstream.clone()),
            Some(None) => None,
            Some(Some(change)) => upstream(change, Upstream::default()),
        },
        created_at: old.map_or(at, |old| old.created_at),
        updated_at: at,
    };
    if let Some(keys) = &spec.keys {
        draft.keys = keys
            .iter()
            .map(|key| known_or_new(&draft.keys, key))
            .collect();
    } else if !kind.takes_keys() {
        // Whoever turns a provider into one that takes no keys takes its keys away.
        draft.keys = Vec::new();
    }
    checked(unless_same(old, draft))
}

/// What is put again as it was, as a start does with the providers of its configuration, was not
/// changed now.
fn unless_same(old: Option<&StoredProvider>, draft: StoredProvider) -> StoredProvider {
    match old {
        Some(old) => {
            let at = old.updated_at;
            let then = StoredProvider {
                updated_at: at,
                ..draft.clone()
            };
            if then == *old { then } else { draft }
        }
        None => draft,
    }
}

/// The provider with what is given changed.
pub(super) fn patched(old: &StoredProvider, patch: &ProviderPatch) -> Drafted {
    if *patch == ProviderPatch::default() {
        let text = "give at least one field that is to change";
        return Err(ControlError::invalid("body", text));
    }
    let mut draft = old.clone();
    let given = patch.clone();
    draft.name = given.name.unwrap_or(draft.name);
    draft.display_name = given.display_name.unwrap_or(draft.display_name);
    draft.icon = given.icon.unwrap_or(draft.icon);
    draft.enabled = given.enabled.unwrap_or(draft.enabled);
    if let Some(base_url) = given.base_url {
        draft.base_url = base_url;
    }
    if let Some(entries) = &patch.keys {
        draft.keys = wanted_keys(&old.keys, entries)?;
    }
    if let Some(settings) = &patch.settings {
        draft.bedrock = match settings {
            None => None,
            Some(change) => Some(bedrock(change, draft.bedrock.unwrap_or_default())?),
        };
        let named = draft.kind;
        draft.kind = kind(named, draft.bedrock.is_some());
        if draft.kind != named && patch.base_url.is_none() {
            // Anthropic's own address is not where Bedrock is.
            draft.base_url = base_url(draft.kind, None)?;
        }
    }
    if let Some(change) = &patch.upstream {
        let before = draft.upstream.unwrap_or_default();
        draft.upstream = change.as_ref().and_then(|change| upstream(change, before));
    }
    draft.updated_at = now();
    checked(draft)
}

/// The provider with one key more, behind the others.
pub(super) fn added_key(
    old: &StoredProvider,
    key: &SecretText,
) -> Drafted<(StoredProvider, StoredProviderKey)> {
    let secret = Secret::from(key.clone());
    if !old.kind.takes_keys() {
        let text = "this type of provider takes no keys";
        return Err(ControlError::invalid("key", text));
    }
    if old.keys.iter().any(|known| known.secret == secret) {
        return Err(ControlError::conflict("key", "is taken"));
    }
    if old.keys.len() >= MOST_PROVIDER_KEYS {
        return Err(ControlError::conflict(
            "key",
            "is one more than there may be",
        ));
    }
    let key = new_key(secret);
    let mut draft = old.clone();
    draft.keys.push(key.clone());
    draft.updated_at = key.created_at;
    Ok((draft, key))
}

/// Anthropic with settings of Bedrock is Bedrock.
fn kind(named: ProviderType, has_bedrock: bool) -> ProviderType {
    if named == ProviderType::Anthropic && has_bedrock {
        ProviderType::Bedrock
    } else {
        named
    }
}

fn text(
    given: &Option<String>,
    old: Option<&StoredProvider>,
    of: impl Fn(&StoredProvider) -> &String,
) -> String {
    let old = || old.map(|old| of(old).clone());
    given.clone().or_else(old).unwrap_or_default()
}

fn base_url(kind: ProviderType, given: Option<&str>) -> Drafted<String> {
    let base_url = given.or(kind.default_base_url()).map(str::to_owned);
    base_url.ok_or_else(|| ControlError::invalid("base_url", "is required"))
}

fn bedrock(change: &BedrockChange, before: Bedrock) -> Drafted<Bedrock> {
    validate::bedrock_change(change, before.external_id.as_deref())?;
    let mut after = change.onto(before);
    if after
        .protocol
        .as_deref()
        .is_none_or(|name| name == "invoke")
    {
        after.model.get_or_insert_with(|| MODEL.to_owned());
        after
            .small_fast_model
            .get_or_insert_with(|| SMALL_FAST_MODEL.to_owned());
    }
    if after.role_arn.is_some() && after.external_id.is_none() {
        after.external_id = Some(external_id()?);
    }
    Ok(after)
}

/// Nobody can guess it, so nobody else can have a role trust it.
fn external_id() -> Drafted<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(ControlError::Random)?;
    Ok(Uuid::from_bytes(bytes).simple().to_string())
}

/// Nothing when nothing is set.
fn upstream(change: &UpstreamChange, before: Upstream) -> Option<Upstream> {
    Some(change.onto(before)).filter(|after| *after != Upstream::default())
}

/// A key that was there keeps its id and its age.
fn known_or_new(known: &[StoredProviderKey], key: &SecretText) -> StoredProviderKey {
    let secret = Secret::from(key.clone());
    let same = known.iter().find(|known| known.secret == secret);
    same.cloned().unwrap_or_else(|| new_key(secret))
}

fn new_key(secret: Secret) -> StoredProviderKey {
    StoredProviderKey {
        id: Uuid::now_v7(),
        secret,
        created_at: now(),
    }
}

fn wanted_keys(
    known: &[StoredProviderKey],
    entries: &[KeyEntry],
) -> Drafted<Vec<StoredProviderKey>> {
    let mut ids = HashSet::new();
    let invalid = |text: String| Err(ControlError::invalid("api_keys", text));
    let mut keys = Vec::new();
    for entry in entries {
        match (entry.id, &entry.api_key) {
            (Some(id), None) if !ids.insert(id) => {
                return invalid(format!("id {id} is given twice"));
            }
            (Some(id), None) => match known.iter().find(|key| key.id == id) {
                Some(key) => keys.push(key.clone()),
                None => return invalid(format!("there is no key with id {id}")),
            },
            (None, Some(key)) => keys.push(new_key(Secret::from(key.clone()))),
            (Some(_), Some(_)) | (None, None) => {
                return invalid("each entry has exactly one of id and api_key".to_owned());
            }
        }
    }
    Ok(keys)
}

fn checked(draft: StoredProvider) -> Drafted {
    validate::provider(&draft)?;
    Ok(draft)
}
