//! `/servers/{id}`: how Guildhall behaves in one server.

use super::dress::page_response;
use super::form::{Field, Sent};
use super::format::number;
use super::servers::server_name;
use super::shell::{Here, Notice, Shell, Told, to_page};
use super::visitor::{Guest, Visitor};
use crate::bot::Bot;
use crate::dashboard::api::{connections, guilds};
use crate::dashboard::auth::Scope;
use crate::dashboard::auth::need::{ChangeSettings, ReadGuilds};
use crate::dashboard::extract::Id;
use crate::dashboard::problem::Problem;
use crate::sentences::Lang;
use crate::sentences::pages::Words;
use crate::servers;
use crate::settings::{
    Access, Guild, GuildSettings, MAX_COOLDOWN_SECONDS, MAX_INSTRUCTIONS_CHARS, MAX_LISTED, MAX_PERSONA_CHARS,
    MAX_QUESTIONS_PER_HOUR, OutOfBounds, ResponseMode,
};
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use twilight_model::id::{Id as Snowflake, marker::GenericMarker};

/// Characters of a word in a list of ids that an error repeats.
const MOST_REPEATED: usize = 30;

#[derive(Template)]
#[template(path = "server.html")]
struct Page {
    shell: Shell,
    w: Words,
    id: String,
    name: String,
    is_gone: bool,
    /// Whether the bot may stay there, for another account.
    may_stay: bool,
    form: SettingsForm,
    /// Somebody else has saved meanwhile.
    is_overtaken: bool,
}

/// The settings as a form has them.
struct SettingsForm {
    version: u64,
    mode: Mode,
    smart: bool,
    channel_context: bool,
    answer_in_thread: bool,
    persona: Field,
    instructions: Field,
    /// In what Guildhall speaks there: code, name, whether it is this one.
    languages: Vec<(&'static str, &'static str, bool)>,
    cooldown_seconds: Field,
    questions_per_hour: Field,
    channels_allow: Picker,
    channels_deny: Picker,
    roles_allow: Picker,
    roles_deny: Picker,
}

/// A response mode without its options, which a form keeps beside it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Command,
    Mention,
    All,
}

/// A list of channels or roles to choose from.
#[derive(Default)]
pub(super) struct Picker {
    /// Those of the server, as far as Discord has told.
    pub(super) options: Vec<PickerOption>,
    /// Ids that are none of them, as typed.
    pub(super) others: Field,
}

/// A channel or a role that Discord has told of.
struct Known {
    id: Snowflake<GenericMarker>,
    name: String,
}

/// What there is to choose from, as far as Discord has told.
struct Choices {
    channels: Vec<Known>,
    roles: Vec<Known>,
}

impl Choices {
    /// Channels in which people write, and roles that people can have.
    async fn of(bot: &Bot, visitor: &Guest, guild: &Guild) -> Result<Self, Problem> {
        let served = servers::served_by(bot, visitor.account()).await?;
        let sight = servers::look(bot, served.as_ref(), guild, Timestamp::now()).await?;
        let Some(facts) = &sight.facts else { return Ok(Self { channels: Vec::new(), roles: Vec::new() }) };
        let channels = facts.channels.iter().filter(|channel| servers::is_for_talk(channel.kind));
        let channels = channels.map(|channel| Known { id: channel.id.cast(), name: format!("#{}", channel.name) });
        let roles = facts.roles.iter().filter(|role| role.id.get() != guild.id.get() && !role.managed);
        let roles = roles.map(|role| Known { id: role.id.cast(), name: role.name.clone() });
        Ok(Self { channels: channels.collect(), roles: roles.collect() })
    }
}

/// A channel or a role to choose.
pub(super) struct PickerOption {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) is_chosen: bool,
}

impl Picker {
    /// Those that are there, and of the chosen ones those that are not.
    fn of(known: &[Known], chosen: &BTreeSet<Snowflake<GenericMarker>>) -> Self {
        let others = chosen.iter().filter(|id| known.iter().all(|known| known.id != **id));
        let others: Vec<String> = others.map(ToString::to_string).collect();
        Self { options: Self::options(known, chosen), others: Field::of(others.join("\n")) }
    }

    fn options(known: &[Known], chosen: &BTreeSet<Snowflake<GenericMarker>>) -> Vec<PickerOption> {
        let option = |known: &Known| PickerOption {
            id: known.id.to_string(),
            name: known.name.clone(),
            is_chosen: chosen.contains(&known.id),
        };
        known.iter().map(option).collect()
    }

    /// The list as it was sent, and the ids in it.
    fn read(
        w: Words,
        sent: &Sent<ChangeSettings>,
        known: &[Known],
        name: &str,
    ) -> (Self, BTreeSet<Snowflake<GenericMarker>>) {
        let mut picked: BTreeSet<_> = sent.all(name).filter_map(|id| id.parse().ok()).collect();
        let mut others = Field::of(sent.field(&format!("{name}_ids")));
        for word in others.value.split([' ', '\n', '\r', '\t', ',', ';']).filter(|word| !word.is_empty()) {
            // As Discord writes it in a message: <#1> is a channel, <@&1> a role.
            let digits = word.trim_start_matches(['<', '#', '@', '&']).trim_end_matches('>');
            if let Ok(id) = digits.parse() {
                picked.insert(id);
            } else {
                let word: String = word.chars().take(MOST_REPEATED).collect();
                others.error.get_or_insert_with(|| w.server_bad_id(word.as_str()));
            }
        }
        (Self { options: Self::options(known, &picked), others }, picked)
    }

    fn refuse(&mut self, error: String) {
        self.others.error.get_or_insert(error);
    }
}

impl SettingsForm {
    /// What is set.
    fn of(guild: &Guild, choices: &Choices) -> Self {
        let settings = &guild.settings;
        let (mode, smart, channel_context) = match settings.response_mode {
            ResponseMode::Command => (Mode::Command, true, false),
            ResponseMode::Mention => (Mode::Mention, true, false),
            ResponseMode::AllMessages { smart, channel_context } => (Mode::All, smart, channel_context),
        };
        Self {
            version: guild.version,
            mode,
            smart,
            channel_context,
            answer_in_thread: settings.answer_in_thread,
            persona: Field::of(settings.persona.clone()),
            instructions: Field::of(settings.instructions.clone()),
            languages: languages(settings.language),
            cooldown_seconds: Field::of(settings.cooldown_seconds.to_string()),
            questions_per_hour: Field::of(settings.questions_per_hour.to_string()),
            channels_allow: Picker::of(&choices.channels, &settings.channels.allow),
            channels_deny: Picker::of(&choices.channels, &settings.channels.deny),
            roles_allow: Picker::of(&choices.roles, &settings.roles.allow),
            roles_deny: Picker::of(&choices.roles, &settings.roles.deny),
        }
    }

    /// What was sent, as typed and as settings; what cannot be used has an error beside it.
    fn read(w: Words, sent: &Sent<ChangeSettings>, choices: &Choices, version: u64) -> (Self, GuildSettings) {
        let whole = |name: &str| {
            let mut field = Field::of(sent.field(name).trim());
            let value = if field.value.is_empty() { Ok(0) } else { field.value.parse() };
            if value.is_err() {
                field.error = Some(w.server_no_number().to_owned());
            }
            (field, value.unwrap_or_default())
        };
        let (cooldown_seconds, cooldown) = whole("cooldown_seconds");
        let (questions_per_hour, per_hour) = whole("questions_per_hour");
        let (channels_allow, allowed_channels) = Picker::read(w, sent, &choices.channels, "channels_allow");
        let (channels_deny, denied_channels) = Picker::read(w, sent, &choices.channels, "channels_deny");
        let (roles_allow, allowed_roles) = Picker::read(w, sent, &choices.roles, "roles_allow");
        let (roles_deny, denied_roles) = Picker::read(w, sent, &choices.roles, "roles_deny");
        let (smart, channel_context) = (sent.is_ticked("smart"), sent.is_ticked("channel_context"));
        let (mode, response_mode) = match sent.field("mode") {
            "command" => (Mode::Command, ResponseMode::Command),
            "all_messages" => (Mode::All, ResponseMode::AllMessages { smart, channel_context }),
            _ => (Mode::Mention, ResponseMode::Mention),
        };
        // Browsers end lines with two characters.
        let text = |name: &str| sent.field(name).replace("\r\n", "\n");
        let (persona, instructions) = (text("persona"), text("instructions"));
        let language = Lang::ALL.iter().copied().find(|lang| lang.code() == sent.field("language"));
        let answer_in_thread = sent.is_ticked("answer_in_thread");
        let settings = GuildSettings {
            persona: persona.clone(),
            instructions: instructions.clone(),
            language,
            response_mode,
            channels: Access { allow: allowed_channels, deny: denied_channels },
            roles: Access { allow: allowed_roles, deny: denied_roles },
            cooldown_seconds: cooldown,
            questions_per_hour: per_hour,
            answer_in_thread,
        };
        let mut form = Self {
            version,
            mode,
            smart,
            channel_context,
            answer_in_thread,
            persona: Field::of(persona),
            instructions: Field::of(instructions),
            languages: languages(language),
            cooldown_seconds,
            questions_per_hour,
            channels_allow,
            channels_deny,
            roles_allow,
            roles_deny,
        };
        for fault in settings.faults() {
            form.refuse(w, fault);
        }
        (form, settings)
    }

    fn refuse(&mut self, w: Words, fault: OutOfBounds) {
        match fault {
            OutOfBounds::Persona => {
                self.persona.error = Some(w.server_persona_long(number(w, MAX_PERSONA_CHARS as u64)));
            }
            OutOfBounds::Instructions => {
                self.instructions.error = Some(w.server_instructions_long(number(w, MAX_INSTRUCTIONS_CHARS as u64)));
            }
            OutOfBounds::Cooldown => {
                self.cooldown_seconds.error = Some(w.server_cooldown_long(number(w, MAX_COOLDOWN_SECONDS)));
            }
            OutOfBounds::QuestionsPerHour => {
                self.questions_per_hour.error = Some(w.server_per_hour_many(number(w, MAX_QUESTIONS_PER_HOUR)));
            }
            OutOfBounds::List(name) => {
                let list = match name {
                    "channels.allow" => &mut self.channels_allow,
                    "channels.deny" => &mut self.channels_deny,
                    "roles.allow" => &mut self.roles_allow,
                    _ => &mut self.roles_deny,
                };
                list.refuse(w.server_list_long(number(w, MAX_LISTED as u64)));
            }
        }
    }

    fn is_refused(&self) -> bool {
        let fields = [&self.persona, &self.instructions, &self.cooldown_seconds, &self.questions_per_hour];
        let lists = [&self.channels_allow, &self.channels_deny, &self.roles_allow, &self.roles_deny];
        fields.into_iter().chain(lists.map(|list| &list.others)).any(|field| field.error.is_some())
    }
}

/// The languages that a server may be set to.
fn languages(chosen: Option<Lang>) -> Vec<(&'static str, &'static str, bool)> {
    Lang::ALL.iter().map(|&lang| (lang.code(), Words(lang).language_name(), chosen == Some(lang))).collect()
}

/// The settings.
pub(super) async fn show(
    State(bot): State<Arc<Bot>>,
    visitor: Visitor<ReadGuilds>,
    id: Id,
    Query(told): Query<Told>,
) -> Result<Response, Problem> {
    let guild = guilds::find(&bot, &visitor, &id).await?;
    let shell = Shell::new(&visitor, Here::Servers).telling(told.notice());
    let form = SettingsForm::of(&guild, &Box::pin(Choices::of(&bot, &visitor, &guild)).await?);
    Ok(page(&bot, shell, &guild, form, false))
}

/// Saves them, unless something cannot be used or somebody else was quicker; then what was typed is shown again.
pub(super) async fn save(State(bot): State<Arc<Bot>>, id: Id, sent: Sent<ChangeSettings>) -> Result<Response, Problem> {
    let visitor = &sent.visitor;
    let guild = guilds::find(&bot, visitor, &id).await?;
    let shell = Shell::new(visitor, Here::Servers);
    let choices = Box::pin(Choices::of(&bot, visitor, &guild)).await?;
    let (mut form, settings) = SettingsForm::read(shell.w, &sent, &choices, guild.version);
    let is_overtaken = sent.field("version").parse() != Ok(guild.version);
    if !is_overtaken && !form.is_refused() {
        if guilds::save(&bot, visitor, guild.clone(), settings).await?.is_some() {
            return Ok(to_page(&format!("/servers/{}", guild.id), Notice::SettingsSaved));
        }
        let newest = guilds::find(&bot, visitor, &id).await?;
        form.version = newest.version;
        return Ok(refused(page(&bot, shell, &newest, form, true)));
    }
    Ok(refused(page(&bot, shell, &guild, form, is_overtaken)))
}

fn page(bot: &Bot, shell: Shell, guild: &Guild, form: SettingsForm, is_overtaken: bool) -> Response {
    let (w, id) = (shell.w, guild.id.to_string());
    page_response(&Page {
        shell,
        w,
        name: server_name(w, guild),
        id,
        is_gone: guild.left_at.is_some(),
        may_stay: bot.default_account.is_none(),
        form,
        is_overtaken,
    })
}

/// The same page, as the answer to a form that was not taken.
pub(super) fn refused(mut page: Response) -> Response {
    *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    page
}

/// Disconnects it.
pub(super) async fn disconnect(
    State(bot): State<Arc<Bot>>,
    id: Id,
    sent: Sent<ChangeSettings>,
) -> Result<Response, Problem> {
    Box::pin(connections::disconnect(&bot, &sent.visitor, &id, sent.is_ticked("leave"))).await?;
    Ok(to_page("/servers", Notice::ServerDisconnected))
}
