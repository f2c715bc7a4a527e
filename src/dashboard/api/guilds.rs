//! `/guilds`: the account's Discord servers, and how Guildhall behaves in them.

use super::formats::{self, DiscordId};
use super::refusals::{Always, BadBody, BadParams, Forbidden, Overtaken, Unknown};
use super::servers::{SightView, details};
use crate::bot::Bot;
use crate::dashboard::auth::need::{ChangeSettings, ReadGuilds};
use crate::dashboard::auth::{self, Caller, May};
use crate::dashboard::extract::{Body, Id, Params};
use crate::dashboard::page::{Page, PageParams, page};
use crate::dashboard::problem::Problem;
use crate::ids::snowflake_time;
use crate::sentences::Lang;
use crate::settings::{Access, Guild, GuildSettings, ResponseMode};
use crate::store::Change;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ETAG, IF_MATCH};
use axum::response::IntoResponse;
use jiff::Timestamp;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::Arc;
use twilight_model::id::{
    Id as Snowflake,
    marker::{GenericMarker, GuildMarker},
};

/// A change without `If-Match` is made again of what somebody else has written meanwhile, but not for ever.
const TRIES: u32 = 8;

/// A server.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GuildView {
    /// Discord's id.
    #[schema(example = "197038439483310086")]
    pub id: String,
    /// Since when the bot is no longer in it; none while it is, as far as is known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub left_at: Option<Timestamp>,
    /// What people call it, as Discord said when it was last asked.
    pub name: Option<String>,
    /// Its icon, from the same time.
    #[schema(
        example = "https://cdn.discordapp.com/icons/197038439483310086/86e39f7ae3307e811784e2ffd11a7310.webp?size=128"
    )]
    pub icon_url: Option<String>,
    /// How Guildhall behaves in it.
    pub settings: SettingsView,
}

/// A server, and what Discord says of it.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GuildDetails {
    /// The server.
    #[serde(flatten)]
    pub guild: GuildView,
    /// What Discord says of it.
    pub discord: SightView,
}

/// How Guildhall behaves in a server.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SettingsView {
    /// Who the model is to be, and in which tone it speaks; at most 500 characters, empty for none.
    #[schema(max_length = 500, example = "You are Zeph, the helper of Zephyr Tools: brief and friendly.")]
    pub persona: String,
    /// What the model is told about the team, and what to do; at most 4,000 characters.
    #[schema(max_length = 4000, example = "Never promise a date of delivery.")]
    pub instructions: String,
    /// In what the bot and the model speak in the server; `null` for the language of each question, else that of the person's
    /// Discord.
    pub language: Option<Lang>,
    /// Which messages are questions.
    pub response_mode: ModeView,
    /// Where questions are answered; a thread or a forum post counts as its channel.
    pub channels: AccessView,
    /// Whose questions are answered.
    pub roles: AccessView,
    /// Seconds between two questions of one person; 0 is no pause. `/ask` is not held back.
    #[schema(maximum = 86400, example = 0)]
    pub cooldown_seconds: u32,
    /// Questions of one conversation that are answered within an hour; 0 is no bound.
    #[schema(maximum = 1000, example = 0)]
    pub questions_per_hour: u32,
    /// Whether a question in a channel is answered in a thread of its own.
    pub answer_in_thread: bool,
}

/// Which messages of a server are questions. `/ask` always works.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModeView {
    /// The mode.
    pub mode: Mode,
    /// With `all_messages` only, and then true unless it is said: stay silent on casual talk and on what nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smart: Option<bool>,
    /// With `all_messages` only, and then false unless it is said: a channel is one conversation of everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_context: Option<bool>,
}

/// Which messages are questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// None: only `/ask` is answered.
    Command,
    /// Those that mention the bot or its role, or reply to it.
    Mention,
    /// All of them.
    AllMessages,
}

/// An allow and a deny list. Whatever is denied stays out, and where something is allowed, all else stays out.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AccessView {
    /// Discord's ids: if there are any, only these. At most 200.
    #[schema(value_type = Vec<DiscordId>, max_items = 200, example = json!(["381870553235193857"]))]
    #[serde(deserialize_with = "ids")]
    pub allow: BTreeSet<Snowflake<GenericMarker>>,
    /// Discord's ids: never these. At most 200.
    #[schema(value_type = Vec<DiscordId>, max_items = 200, example = json!([]))]
    #[serde(deserialize_with = "ids")]
    pub deny: BTreeSet<Snowflake<GenericMarker>>,
}

/// A change of settings: those that it names. `null` sets one back to what it is at first, and a list is replaced as a
/// whole. [RFC 7396]
#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body, which is merged into what is there")]
#[schema(example = json!({"response_mode": {"mode": "all_messages"}, "cooldown_seconds": 10}))]
pub struct SettingsPatch {
    #[schema(max_length = 500)]
    persona: Option<String>,
    #[schema(max_length = 4000)]
    instructions: Option<String>,
    language: Option<Lang>,
    response_mode: Option<ModePatch>,
    channels: Option<AccessPatch>,
    roles: Option<AccessPatch>,
    #[schema(maximum = 86400)]
    cooldown_seconds: Option<u32>,
    #[schema(maximum = 1000)]
    questions_per_hour: Option<u32>,
    answer_in_thread: Option<bool>,
}

/// A change of the response mode.
#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes a part of the body")]
pub struct ModePatch {
    #[schema(value_type = Mode, required = false)]
    mode: Option<Mode>,
    smart: Option<bool>,
    channel_context: Option<bool>,
}

/// A change of an allow and a deny list: `null` empties a list.
#[derive(utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes a part of the body")]
pub struct AccessPatch {
    #[schema(value_type = Option<Vec<DiscordId>>, max_items = 200)]
    allow: Option<BTreeSet<Snowflake<GenericMarker>>>,
    #[schema(value_type = Option<Vec<DiscordId>>, max_items = 200)]
    deny: Option<BTreeSet<Snowflake<GenericMarker>>>,
}

impl From<GuildSettings> for SettingsView {
    fn from(settings: GuildSettings) -> Self {
        let access = |Access { allow, deny }| AccessView { allow, deny };
        let (mode, smart, channel_context) = match settings.response_mode {
            ResponseMode::Command => (Mode::Command, None, None),
            ResponseMode::Mention => (Mode::Mention, None, None),
            ResponseMode::AllMessages { smart, channel_context } => {
                (Mode::AllMessages, Some(smart), Some(channel_context))
            }
        };
        Self {
            persona: settings.persona,
            instructions: settings.instructions,
            language: settings.language,
            response_mode: ModeView { mode, smart, channel_context },
            channels: access(settings.channels),
            roles: access(settings.roles),
            cooldown_seconds: settings.cooldown_seconds,
            questions_per_hour: settings.questions_per_hour,
            answer_in_thread: settings.answer_in_thread,
        }
    }
}

impl From<Guild> for GuildView {
    fn from(guild: Guild) -> Self {
        // [Discord Docs/Reference: Image Formatting]
        let address = |icon: &String| {
            let is_hash = icon.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            is_hash.then(|| format!("https://cdn.discordapp.com/icons/{}/{icon}.webp?size=128", guild.id))
        };
        let icon_url = guild.icon.as_ref().and_then(address);
        let (id, settings) = (guild.id.to_string(), guild.settings.into());
        Self { id, left_at: guild.left_at, name: guild.name, icon_url, settings }
    }
}

/// Lists the account's servers: those that somebody has set something for.
#[utoipa::path(
    get, path = "/guilds", tag = "guilds", params(PageParams),
    security(("bearer" = ["guilds:read"]), ("session" = ["agent"])),
    responses((status = 200, body = Page<GuildView>), BadParams, Forbidden, Always),
)]
pub async fn list_guilds(
    State(bot): State<Arc<Bot>>,
    caller: May<ReadGuilds>,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<GuildView>>, Problem> {
    let guilds = bot.store.guilds_of(caller.account()).await?.into_iter().map(GuildView::from).collect();
    // By age, as lists are: Discord's ids say when a server was made.
    page(guilds, |guild: &GuildView| (guild.id.parse().map_or(Timestamp::MIN, snowflake_time), &guild.id), &params)
        .map(Json)
}

/// One server, and what Discord says of it: at most a minute old, or what it said last.
#[utoipa::path(
    get, path = "/guilds/{id}", tag = "guilds", params(("id" = String, Path, description = "Discord's id of the server",
        pattern = "^[1-9][0-9]{0,19}$")),
    security(("bearer" = ["guilds:read"]), ("session" = ["agent"])),
    responses((status = 200, body = GuildDetails), Unknown, Forbidden, Always),
)]
pub async fn get_guild(
    State(bot): State<Arc<Bot>>,
    caller: May<ReadGuilds>,
    id: Id,
) -> Result<Json<GuildDetails>, Problem> {
    let (guild, discord) = details(&bot, &caller, &id).await?;
    Ok(Json(GuildDetails { guild: guild.into(), discord }))
}

/// How Guildhall behaves in a server.
#[utoipa::path(
    get, path = "/guilds/{id}/settings", tag = "guilds",
    params(("id" = String, Path, description = "Discord's id of the server",
        pattern = "^[1-9][0-9]{0,19}$")),
    security(("bearer" = ["guilds:read"]), ("session" = ["agent"])),
    responses(
        (status = 200, body = SettingsView, headers(("ETag" = String, description = "The settings' version"))),
        Unknown, Forbidden, Always,
    ),
)]
pub async fn get_settings(
    State(bot): State<Arc<Bot>>,
    caller: May<ReadGuilds>,
    id: Id,
) -> Result<impl IntoResponse, Problem> {
    Ok(shown(find(&bot, &caller, &id).await?))
}

/// Changes how Guildhall behaves in a server, within seconds. What the change does not name stays as it is.
#[utoipa::path(
    patch, path = "/guilds/{id}/settings", tag = "guilds",
    params(
        ("id" = String, Path, description = "Discord's id of the server",
        pattern = "^[1-9][0-9]{0,19}$"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change was made of: it is refused if \
            somebody else has changed the settings since"),
    ),
    request_body(content = SettingsPatch, content_type = "application/merge-patch+json"),
    security(("bearer" = ["guilds:write"]), ("session" = ["admin"])),
    responses(
        (status = 200, body = SettingsView, headers(("ETag" = String, description = "The settings' new version"))),
        Unknown, Overtaken, BadBody, Forbidden, Always,
    ),
)]
pub async fn change_settings(
    State(bot): State<Arc<Bot>>,
    caller: May<ChangeSettings>,
    id: Id,
    headers: HeaderMap,
    Body(patch): Body<Value>,
) -> Result<impl IntoResponse, Problem> {
    for _ in 0..TRIES {
        let guild = find(&bot, &caller, &id).await?;
        // What cannot be used is refused whatever the version is. [RFC 9110: 13.2.1]
        let settings = patched(guild.settings.clone(), &patch)?;
        if !matches(&headers, guild.version) {
            return Err(Problem::overtaken());
        }
        if let Some(guild) = save(&bot, &caller, guild, settings).await? {
            return Ok(shown(guild));
        }
        if headers.contains_key(IF_MATCH) {
            return Err(Problem::overtaken());
        }
    }
    Err(anyhow::anyhow!("a server's settings are changed by too many at once").into())
}

/// A server of the caller's. Where servers that nobody has connected are theirs, it need not be known yet.
pub(in crate::dashboard) async fn find(bot: &Bot, caller: &Caller, Id(id): &Id) -> Result<Guild, Problem> {
    let id: Snowflake<GuildMarker> = formats::discord_id(id).ok_or_else(|| Problem::no_such("server"))?;
    match bot.store.guild(id).await? {
        Some(guild) if guild.account == *caller.account() => Ok(guild),
        None if caller.may_connect(bot) => Ok(Guild::new(id, caller.account().clone())),
        _ => Err(Problem::no_such("server")),
    }
}

/// Lets these settings take effect in a server as it was read; none, and nothing happens, if somebody else has changed it
/// since.
pub(crate) async fn save(
    bot: &Bot,
    caller: &Caller,
    mut guild: Guild,
    settings: GuildSettings,
) -> Result<Option<Guild>, Problem> {
    settings.check().map_err(|fault| Problem::refused(fault.to_string()))?;
    let before = std::mem::replace(&mut guild.settings, settings);
    guild.version += 1;
    let now = Timestamp::now();
    let note = caller.note("settings.changed", guild.id.to_string(), differences(before, &guild.settings), now);
    Ok(bot.store.put_guild_noted(&guild, Some(&note), now).await?.then_some(guild))
}

/// Which settings differ, with what they were and are where that is short.
fn differences(before: GuildSettings, after: &GuildSettings) -> Vec<Change> {
    let fields = |settings| match serde_json::to_value(SettingsView::from(settings)) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let (before, after) = (fields(before), fields(after.clone()));
    let told = |value: Option<&Value>| value.map(ToString::to_string);
    let differ = after.iter().filter(|(name, value)| before.get(*name) != Some(value));
    differ.map(|(name, value)| auth::changed(name, told(before.get(name)), told(Some(value)))).collect()
}

fn shown(guild: Guild) -> impl IntoResponse + use<> {
    ([(ETAG, etag(guild.version))], Json(SettingsView::from(guild.settings)))
}

fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// Whether a change was made of this version, or of any. [RFC 9110: 13.1.1]
fn matches(headers: &HeaderMap, version: u64) -> bool {
    let mut wanted = headers.get_all(IF_MATCH).iter().peekable();
    let etag = etag(version);
    wanted.peek().is_none()
        || wanted.any(|header| {
            header.to_str().is_ok_and(|header| header.split(',').map(str::trim).any(|tag| tag == "*" || tag == etag))
        })
}

/// Settings with a change merged into them, if it names none that does not exist and every value is within its bounds.
fn patched(settings: GuildSettings, patch: &Value) -> Result<GuildSettings, Problem> {
    let Value::Object(patch) = patch else {
        return Err(Problem::refused("Send an object with the settings to change."));
    };
    let view = serde_json::to_value(SettingsView::from(settings)).expect("settings are JSON");
    let Value::Object(mut merged) = view else { unreachable!("a struct is written as an object") };
    if let Some(unknown) = patch.keys().find(|name| !merged.contains_key(*name)) {
        let known: Vec<String> = merged.keys().map(|name| format!("`{name}`")).collect();
        let unknown: String = unknown.chars().take(100).collect();
        return Err(Problem::refused(format!(
            "There is no setting `{unknown}`. The settings are {}.",
            known.join(", ")
        )));
    }
    let another_mode = patch.get("response_mode").and_then(|mode| mode.get("mode"));
    if let (Some(_), Some(Value::Object(mode))) = (another_mode, merged.get_mut("response_mode"))
        && another_mode != mode.get("mode")
    {
        // What belongs to the mode before does not belong to the new one.
        mode.clear();
    }
    merge(&mut merged, patch);
    let settings = GuildSettings {
        persona: setting(&mut merged, "persona")?.unwrap_or_default(),
        instructions: setting(&mut merged, "instructions")?.unwrap_or_default(),
        language: setting(&mut merged, "language")?.flatten(),
        response_mode: mode(setting(&mut merged, "response_mode")?.as_ref())?,
        channels: access(setting(&mut merged, "channels")?),
        roles: access(setting(&mut merged, "roles")?),
        cooldown_seconds: setting(&mut merged, "cooldown_seconds")?.unwrap_or_default(),
        questions_per_hour: setting(&mut merged, "questions_per_hour")?.unwrap_or_default(),
        answer_in_thread: setting(&mut merged, "answer_in_thread")?.unwrap_or_default(),
    };
    settings.check().map_err(|fault| Problem::refused(fault.to_string()))?;
    Ok(settings)
}

/// Merges a patch into an object. [RFC 7396: 2]
fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match (value, target.get_mut(name)) {
            (Value::Null, _) => {
                target.remove(name);
            }
            (Value::Object(patch), Some(Value::Object(target))) => merge(target, patch),
            (Value::Object(patch), _) => {
                let mut new = Map::new();
                merge(&mut new, patch);
                target.insert(name.clone(), Value::Object(new));
            }
            (value, _) => {
                target.insert(name.clone(), value.clone());
            }
        }
    }
}

/// One setting, if it is there.
fn setting<T: DeserializeOwned>(settings: &mut Map<String, Value>, name: &str) -> Result<Option<T>, Problem> {
    let value = settings.remove(name).map(serde_json::from_value).transpose();
    value.map_err(|error| Problem::refused(format!("`{name}` cannot be used: {error}.")))
}

/// Discord's ids as texts. A number is refused: in most programs it would have been rounded on its way here.
fn ids<'de, D: Deserializer<'de>>(list: D) -> Result<BTreeSet<Snowflake<GenericMarker>>, D::Error> {
    let texts = Vec::<String>::deserialize(list)?;
    let read = |text: &String| {
        formats::discord_id(text).ok_or_else(|| D::Error::custom("an id of Discord's is a text of digits"))
    };
    texts.iter().map(read).collect()
}

fn access(view: Option<AccessView>) -> Access {
    let AccessView { allow, deny } = view.unwrap_or_default();
    Access { allow, deny }
}

fn mode(view: Option<&ModeView>) -> Result<ResponseMode, Problem> {
    let Some(&ModeView { mode, smart, channel_context }) = view else { return Ok(ResponseMode::default()) };
    match mode {
        Mode::AllMessages => Ok(ResponseMode::AllMessages {
            smart: smart.unwrap_or(true),
            channel_context: channel_context.unwrap_or(false),
        }),
        _ if smart.is_some() || channel_context.is_some() => {
            Err(Problem::refused("`smart` and `channel_context` belong to the response mode `all_messages` only."))
        }
        Mode::Command => Ok(ResponseMode::Command),
        Mode::Mention => Ok(ResponseMode::Mention),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn after(patches: &[Value]) -> Result<SettingsView, Problem> {
        let settings = patches.iter().try_fold(GuildSettings::default(), patched);
        settings.map(SettingsView::from)
    }

    #[test]
    fn a_change_leaves_the_rest_as_it_is() {
        let view = after(&[
            json!({"persona": "You are Zeph.", "instructions": "Be kind.", "language": "fr", "channels": {"allow": ["5", "6"], "deny": ["7"]}}),
            json!({"cooldown_seconds": 10, "channels": {"allow": ["8"]}, "answer_in_thread": true}),
            json!({"cooldown_seconds": null}),
        ]);
        insta::assert_snapshot!(serde_json::to_string(&view.unwrap()).unwrap(), @r#"{"persona":"You are Zeph.","instructions":"Be kind.","language":"fr","response_mode":{"mode":"mention"},"channels":{"allow":["8"],"deny":["7"]},"roles":{"allow":[],"deny":[]},"cooldown_seconds":0,"questions_per_hour":0,"answer_in_thread":true}"#);
    }

    #[test]
    fn a_mode_has_options_of_its_own() {
        let all = json!({"response_mode": {"mode": "all_messages"}});
        let mode = |patches: &[Value]| after(patches).unwrap().response_mode;
        let smart =
            |smart, context| ModeView { mode: Mode::AllMessages, smart: Some(smart), channel_context: Some(context) };
        assert_eq!(mode(std::slice::from_ref(&all)), smart(true, false));
        let options = json!({"response_mode": {"smart": false, "channel_context": true}});
        assert_eq!(mode(&[all.clone(), options.clone()]), smart(false, true));
        assert_eq!(mode(&[all.clone(), options.clone(), all.clone()]), smart(false, true));
        let mention = json!({"response_mode": {"mode": "mention"}});
        assert_eq!(mode(&[all.clone(), options.clone(), mention]).smart, None);
        assert_eq!(mode(&[all.clone(), json!({"response_mode": null})]).mode, Mode::Mention);
        assert!(after(&[options]).unwrap_err().detail.contains("`all_messages`"));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (patch, named) in [
            (json!([]), "object"),
            (json!({"colour": "red"}), "`colour`"),
            (json!({"cooldown_seconds": "ten"}), "`cooldown_seconds`"),
            (json!({"cooldown_seconds": -1}), "`cooldown_seconds`"),
            (json!({"cooldown_seconds": 90_000}), "a day"),
            (json!({"response_mode": {"mode": "loud"}}), "`loud`"),
            (json!({"response_mode": {"mode": "mention", "tone": 1}}), "`tone`"),
            (json!({"channels": {"only": []}}), "`only`"),
            (json!({"channels": {"allow": ["general"]}}), "`channels`"),
            (json!({"channels": {"allow": [381_870_553_235_193_857_u64]}}), "`channels`"),
            (json!({"roles": {"deny": ["0"]}}), "`roles`"),
            (json!({"roles": ["1"]}), "`roles`"),
            (json!({"persona": "x".repeat(501)}), "`persona`"),
            (json!({"persona": 5}), "`persona`"),
            (json!({"instructions": "x".repeat(4_001)}), "4000"),
        ] {
            let problem = after(std::slice::from_ref(&patch)).unwrap_err();
            assert!(problem.status == 422 && problem.detail.contains(named), "{patch}: {}", problem.detail);
        }
    }

    #[test]
    fn a_change_is_made_of_what_was_seen() {
        let header = |value: &str| HeaderMap::from_iter([(IF_MATCH, value.parse().unwrap())]);
        assert!(matches(&HeaderMap::new(), 3) && matches(&header("\"3\""), 3) && matches(&header("*"), 3));
        assert!(matches(&header("\"1\", \"3\""), 3) && !matches(&header("\"2\""), 3) && !matches(&header("3"), 3));
    }
}
