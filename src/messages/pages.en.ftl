### What the dashboard's pages say, in English. Every text is one line.

## Around every page

language_name = English
skip = Skip to the content
menu = Menu
nav_label = Pages
nav_overview = Overview
nav_servers = Servers
nav_knowledge = Knowledge
nav_playground = Playground
nav_account = Account
nav_usage = Usage and plan
nav_notifications = Notifications
nav_bot = Custom bot
nav_tokens = API tokens
language = Language
theme = Colours
theme_auto = Automatic
theme_light = Light
theme_dark = Dark
foot_api = API description
save = Save
copy = Copy
copied = Copied
unsaved = There are changes that are not saved.
unsaved_note = Changes are not saved yet
request_failed = Guildhall could not be reached. Check your connection and try again.
form_refused = Nothing was saved: look at what is marked below.
pager = More pages of this list
pager_before = Previous
pager_after = Next

## Times and amounts

ago_moment = just now
ago_minutes = { $count ->
        [one] { $count } minute
       *[other] { $count } minutes
    } ago
ago_hours = { $count ->
        [one] { $count } hour
       *[other] { $count } hours
    } ago
ago_days = { $count ->
        [one] { $count } day
       *[other] { $count } days
    } ago
seconds = { $amount } s

## What has just happened

told_settings_saved = Saved. The server follows the new settings within seconds.
told_source_added = Taken in. It answers questions as soon as it is read, usually within seconds.
told_source_refreshed = It is being read again. What it held before answers until then.
told_source_removed = Removed. It no longer answers questions once it is out of the index, within seconds.
told_notifications_saved = Saved. From now on, these addresses are told.
told_bot_saved = Your bot is set. It connects to Discord within seconds.
told_bot_removed = Removed. The bot's connection ends within seconds, and its token is deleted.
told_token_revoked = Revoked. The token is worthless from now on.

## Problems

problem_home = To the overview
problem_forbidden = You may not do this
problem_forbidden_text = Ask an owner or an admin of this account, if you need to.
problem_not_found = There is nothing here
problem_not_found_text = The page does not exist, or it belongs to an account that you are not a member of.
problem_method_text = This address takes forms only. Go to the page that the form is on.
problem_too_large = That is too large
problem_too_large_text = A form may have 2 MB, a file 64 MB. Split it, or upload it as a file.
problem_too_many = Too much at once
problem_too_many_text = There were too many requests from you or from your network. Nothing was changed. Wait a minute and try again.
problem_unavailable = Guildhall cannot do this right now
problem_unavailable_text = Something that it needs for this does not answer. Nothing was changed. Try again in a moment.
problem_mistake = Guildhall made a mistake
problem_mistake_text = It has been logged. Try again; if it happens again, tell whoever runs this installation.
problem_refused = This could not be understood
problem_refused_text = Go back, reload the page and try again.

## Refusals

denied_unknown = Send a valid API token: `Authorization: Bearer gh_…`. It is missing, wrong or revoked.
denied_no_account = You are not a member of this account. Choose another account, or ask for an invitation.
denied_forged = This change was not sent by a page of this Guildhall, or by one that is out of date. Load the page again. Programs send an API token instead of a cookie.
denied_role = This needs the role { $needed }, and you are { $own } in this account.
denied_scope = This token lacks the scope `{ $scope }`.
denied_not_manager = Discord says that you do not manage this server.
denied_not_signed_in = A person has to connect servers, with “Add to Discord” on the dashboard: Discord has to say that they manage them.
denied_sign_in_again = Sign in again: Discord does not let Guildhall ask which servers you manage any more.
denied_people = Only a person who has signed in can do this, and no API token.
denied_operators = Only those who run this installation may do this.
denied_plan = “{ $feature }” comes with the plan { $needed } and above. This account has { $own }.
denied_invite = Only an owner may invite somebody as { $role }.
denied_own_token = This is the token that the request itself was made with: it cannot revoke itself.
denied_give = You cannot give the scope `{ $scope }`, because you do not have it yourself.
trouble_unavailable = Guildhall cannot reach something that it needs for this. Please try again in a moment.
sign_in_not_offered = Nobody can sign in here yet: whoever runs this Guildhall has to set DISCORD_CLIENT_SECRET.
sign_in_over = This sign-in has ended, was used before, or began in another browser. Please sign in again.
sign_in_denied = You did not let Discord tell Guildhall who you are, so you are not signed in.
sign_in_refused = Discord did not accept Guildhall's own settings for signing in. Whoever runs this Guildhall finds the reason in its log.
sign_in_discord_down = Discord does not answer at the moment. Please try again in a little while.
sign_in_no_account = You belong to no account of this Guildhall. Ask one of its owners for an invitation. Whoever runs it can make you an owner by putting { $id } into GUILDHALL_OPERATORS.
sign_in_invitation_over = This invitation has ended, was used before, or was taken back. Ask for another one.
connect_no_such_server = There is no such server.
connect_over = This attempt to add the bot has ended, was used before, or began elsewhere, so nothing was connected. Please begin again.
connect_declined = You did not add the bot to a server, so nothing was connected.
connect_refused = Discord did not say which server the bot was added to, so nothing was connected. Please begin again.
connect_not_manager = Discord says that you do not manage this server, so it was not connected. Ask somebody who has the permission “Manage Server” there.
connect_is_anothers = Another account has connected this server, so nothing was changed. Whoever manages it there can disconnect it; then add it here.
connect_no_bot = There is no Discord bot that could be added: none is set up, or Discord has not said yet who it is.
connect_discord_down = Discord does not answer at the moment, so nothing was connected. Please begin again in a minute.

## Overview

steps_title = Get started
step_done = Done:
step_knowledge = Give it something to know
step_knowledge_text = Add your documentation, a handbook or a few questions with their answers.
step_knowledge_action = Add knowledge
step_ask = Ask a question
step_ask_text = See in the playground what members will get, and from which documents.
step_ask_action = Open the playground
step_server = Set up your Discord server
step_server_text = Choose when the bot answers, in which channels, and in what tone.
step_server_action = Set up a server
attention_title = Needs attention
attention_see_usage = See usage
attention_see_knowledge = See which
attention_see_playground = Try it
usage_this_month = Messages this month
usage_of = of { $limit }
overview_sources = Sources
overview_passages = { $count ->
        [one] with { $shown } passage
       *[other] with { $shown } passages
    }
events_title = Lately
events_none = Nothing has happened that you would be told of.
events_all = Who is told, and all that has happened
event_escalation = { $asker } wants to speak to a person
event_escalations = More people want to speak to a person: { $more }
event_quota = { $percent } % of the month's { $limit } messages are used
event_open = Open in Discord

## Servers

servers_lead = Each Discord server has settings of its own. All of them share this account's knowledge and messages.
servers_none = No server is set up yet
servers_none_text = The bot answers in every server that it is in as soon as it is mentioned. Set one up to change how.
servers_by_id = Set up a server by its id
servers_id = Server id
servers_id_hint = In Discord, switch on the developer mode under Advanced, then right-click the server and copy its id.
servers_bad_id = A server id is a number of 17 to 20 digits.
servers_open = Open its settings
server_name = Server { $id }
server_id = Id { $id }
server_left = The bot left
server_gone = Left
server_gone_text = The bot is no longer in this server. The settings are kept and apply again when it is back.
server_overtaken = Somebody else has saved these settings while you were changing them. What you have typed is still here: save again to replace theirs.
server_see_theirs = Discard mine and see theirs
mode_title = When it answers
mode_hint = The command /ask always works, whatever you choose.
mode_mention = When it is mentioned
mode_mention_text = It answers who tags the bot or its role, or replies to it.
mode_all = All messages
mode_all_text = It reads every message and answers the questions among them.
mode_command = By /ask only
mode_command_text = It reads no messages in channels.
mode_smart = Smart mode
mode_smart_text = Stay silent on casual talk and on what nobody asked the bot. Without it, every message is answered.
mode_context = Channel context
mode_context_text = Understand a channel as one conversation of everybody, not one for each person.
server_thread = Answer in a thread
server_thread_text = Each question in a channel gets a thread of its own, so that the channel stays readable.
server_persona = Who it is
server_role = Persona
server_role_hint = Who it is, and how it should sound. Up to 500 characters.
server_persona_long = The persona is longer than { $limit } characters.
server_instructions = Instructions
server_instructions_hint = What it should know about your team, and what it should do. Up to 4,000 characters.
server_language = Language
server_language_hint = What the bot says and the model answers in.
server_language_auto = That of the question
server_instructions_long = The instructions are longer than { $limit } characters.
server_where = Where it answers
channels_allow = Only in these channels
channels_allow_hint = Empty means everywhere. A thread counts as its channel.
channels_deny = Never in these channels
channels_deny_hint = This wins over the other list.
server_who = Whom it answers
roles_allow = Only people with one of these roles
roles_allow_hint = Empty means everybody.
roles_deny = Nobody with one of these roles
roles_deny_hint = This wins over the other list.
picker_filter = Find in the list
picker_ids = By id
picker_ids_hint = One on each line.
server_bad_id = “{ $word }” is no id. Ids are numbers, or mentions such as <#123>.
server_list_long = A list may have at most { $limit } entries.
server_pace = How often
server_cooldown = Seconds between two questions of one person
server_cooldown_hint = 0 means no pause. /ask is not held back.
server_cooldown_long = At most { $limit } seconds, which is a day.
server_per_hour = Questions of one conversation an hour
server_per_hour_hint = 0 means no bound.
server_per_hour_many = At most { $limit }; 0 means no bound.
server_no_number = This must be a whole number, 0 or more.

## Knowledge

knowledge_lead = What answers are taken from. Whatever is here, every server of the account can be told.
knowledge_add = Add knowledge
knowledge_none = It knows nothing yet
knowledge_none_text = Add a website, files or a few questions with their answers. Answers come from there, and nowhere else.
knowledge_find = Find by title
knowledge_only = Show
only_all = All
only_reading = Being read
only_failed = Could not be read
knowledge_filter = Apply
knowledge_count = { $count ->
        [one] { $count } source
       *[other] { $count } sources
    }
knowledge_answering = { $count ->
        [one] { $shown } source answers questions
       *[other] { $shown } sources answer questions
    }
knowledge_nothing_fits = No source fits.
knowledge_look_further = Nothing among the titles that were looked through. The next page looks further.
kind_text = Text
kind_file = File
kind_page = Page
kind_site = Website
state_pending = Waiting
state_reading = Reading
state_ready = Ready
state_incomplete = Ready, with gaps
state_failed = Failed
state_removing = Being removed
source_passages = { $count ->
        [one] { $shown } passage
       *[other] { $shown } passages
    }
source_progress = { $done } of { $total } documents read

## Adding knowledge

add_kinds = What to add
add_files = Files
add_site = Website
add_page = Page
add_text = Text
add_qa = Question and answer
add_files_choose = Choose files, or drop them here
add_files_hint = Markdown, text, HTML, PDF or Word (DOCX), several at once, each up to 64 MB. The same name again replaces a file.
add_send_files = Upload
add_choose = Choose files
add_sending = is being uploaded…
add_see_knowledge = See all knowledge
add_file_taken = is taken in
add_no_file = Choose at least one file.
add_site_url = Where the website begins
add_site_hint = Pages of the same host below this address are read, by its sitemap or its links, as robots.txt allows.
add_page_url = Address of the page
add_page_hint = Only this page is read.
add_no_address = This is no web address. It begins with https:// or http://.
add_max_pages = Pages at most
add_max_pages_hint = Up to { $limit }.
add_max_depth = Links away from the start at most
add_max_depth_hint = 6 reaches nearly everything.
add_bad_number = This must be a whole number up to { $limit }.
add_title = Title
add_title_hint = The same title again replaces the text.
add_body = Text
add_question = Question
add_question_hint = In the words that people use. The same question again replaces its answer.
add_answer = Answer
add_markdown_hint = Markdown is understood.
add_send = Add
unfit_empty = Neither this nor the other field may be empty.
unfit_long_title = This is longer than { $limit } characters. Put the rest below.
unfit_no_name = The file has no name.
unfit_empty_file = is empty.
unfit_large_file = is larger than 64 MB. Split it, or add the pages that it was made from.
unfit_not_web = Only addresses that begin with https:// or http:// can be read.
unfit_credentials = The address holds a user name or a password. Pages behind a sign-in cannot be read: upload them as files.
unfit_pages = A website may have 1 to { $limit } pages. Add larger ones in parts.

## One source

source_added = added
source_limits = at most { $pages } pages, { $depth } links deep
source_state = State
source_documents = Documents
source_passages_title = Passages
source_read = Read
source_old_answers = What it held before still answers.
source_skipped = What is missing
source_holds = What it holds
source_holds_text = Answers are made of passages: see how this source was read and split.
source_show = Show the passages
source_empty = Nothing has been read from it yet.
source_manage = Manage
source_refresh = Read again
source_refresh_text = Read it again to catch what has changed. What it holds now answers until then.
source_reread_text = Read it again, as after an update of Guildhall. To change it, add it again under the same name.
source_remove = Remove
source_remove_text = Removed sources no longer answer questions.
source_remove_sure = This cannot be undone. To have it back, you add it again.
source_remove_yes = Yes, remove it

## Test retrieval

test_title = Test retrieval
test_lead = See which passages a question finds, best first. No model is asked, and no message is counted.
test_question = A question, in the words that people use
test_search = Search
test_too_long = A question may have at most { $limit } characters.
test_count = { $count ->
        [one] { $count } passage
       *[other] { $count } passages
    }
test_took = found in { $amount } ms
test_score = How well it fits, compared to the best one
test_source = See the source
test_nothing = Nothing fits
test_nothing_text = No passage has to do with this question. Members would be told that the documents do not say.
test_add = Add the answer

## Playground

playground_lead = Ask as members do, and see what the answer rests on. Each question counts as one message.
playground_server = Answer as in
playground_no_server = No server
playground_new = New conversation
playground_no_model = No language model is configured, so answers are the best passages, quoted.
playground_log = Conversation
playground_empty = What would a member ask?
playground_example_1 = What can you help me with?
playground_example_2 = How do I get started?
playground_example_3 = I want to speak to a person
playground_question = Your question
playground_placeholder = Ask a question…
playground_ask = Ask
playground_thinking = Thinking…
playground_you = You
playground_it = Guildhall
playground_sources = Sources
playground_unanswered = Not in the documents
playground_add = Add the answer
playground_human = Wants a person
playground_steps = Where the time went

## Usage and plan

usage_lead = Every answer counts as one message, whichever server it was asked in. Months are calendar months in UTC.
usage_month = { $month }
usage_left = { $count } left
usage_resets = the count begins again on { $date }
plans_title = Plans
plans_hint = Whoever runs this installation can change the plan.
plan_starter = Starter
plan_standard = Standard
plan_pro = Pro
plan_yours = Yours
plan_messages = { $count } messages a month
plan_without = Without:
feature_discord = Discord, any number of servers
feature_escalation = The team is told when somebody wants a person

## Notifications

mail_lead = Be told when somebody wants to speak to a person, and before the month's messages run out.
mail_title = E-mails
mail_plan = With your plan, the month's messages are told of. From Standard on, also people who want a person.
mail_emails = E-mail addresses
mail_emails_hint = One on each line, at most 10. Nobody is told where there is none.
mail_language = Language of the e-mails
mail_many = There may be at most { $count } addresses.
mail_bad = “{ $address }” is no e-mail address that can be used.

## Custom bot

bot_lead = Bring a Discord application of your own: members see its name and picture instead of the shared bot's.
bot_yours = Your bot
bot_application = Application id
bot_application_hint = From the page General Information.
bot_connection = Connection
bot_since = Set
bot_connecting = Connecting
bot_connected = Connected
bot_stopped = Refused
bot_token_refused = Discord does not accept the bot's token. Make a new one on the page Bot and set it below.
bot_content_refused = The Message Content intent is off, so only messages to the bot can be read. Switch it on on the page Bot.
bot_intents_refused = Discord does not accept the intents. Check the page Bot in the developer portal.
bot_remove = Remove
bot_remove_text = Without it, the shared bot answers.
bot_remove_sure = Its connection ends at once, and its token is deleted.
bot_remove_yes = Yes, remove it
bot_bring = Bring your own bot
bot_replace = Set it anew
bot_where = All three are in Discord's developer portal.
bot_portal = Open the developer portal
bot_key = Public key
bot_key_hint = From the page General Information: 64 digits and letters.
bot_token = Token
bot_token_hint = From the page Bot. It is kept sealed and never shown again.
bot_check = Check and save
bot_no_application = This must be the number that the application's page shows.
bot_no_key = A public key has 64 hexadecimal digits.
bot_no_token = This is no bot's token. Copy it from the page Bot.
bot_unknown_token = Discord does not know this token. Make a new one on the page Bot.
bot_refused_token = Discord refuses to say whose token this is.
bot_anothers_token = This token belongs to another application.
bot_wrong_key = This is not the key that Discord shows for the application.
bot_shared = This is the application that Guildhall itself uses. Use one of your own.
bot_taken = Another account uses this application. Remove it there first, or use another one.
bot_unavailable = Discord does not answer, so the bot could not be checked. Try again in a moment.

## API tokens

tokens_lead = Programs use the API with a token: ask questions, add knowledge, change settings.
tokens_yours = Your tokens
tokens_none = There is none yet.
token_made = Your new token
token_made_text = Copy it now: it is shown this once and kept nowhere.
token_since = made
token_revoke = Revoke
token_revoke_sure = Programs that use it stop working at once.
token_revoke_yes = Yes, revoke it
token_revoke_named = Yes, revoke { $name }
token_new = Make a token
token_name = Name
token_name_hint = What it is for, such as “website”.
token_bad_name = A name has 1 to { $limit } visible characters.
token_may_all = may do everything
token_scopes = What it may do
token_no_scope = Choose at least one: a token without any could do nothing.
scope_read_account = See the account and its usage
scope_count_usage = Count messages of other channels
scope_ask = Ask questions
scope_read_guilds = See servers and their settings
scope_change_settings = Change servers
scope_read_knowledge = See and search knowledge
scope_manage_knowledge = Add and remove knowledge
scope_read_conversations = See what people asked
scope_read_bot = See the custom bot
scope_manage_bot = Set the custom bot
scope_read_events = See what has happened
scope_manage_notifications = Say who is told
scope_manage_tokens = Manage tokens
scope_read_members = See members
scope_invite = Invite people
scope_manage_members = Change and remove members
scope_read_audit = See who changed what
token_create = Make token

## Signing in

sign_in = Sign in
sign_in_title = Signing in

## Open questions

questions_title = Open questions
questions_lead = What people asked and the documents did not answer, or answered wrong. Write the missing answer down once.
questions_unanswered = Not answered
questions_downvoted = Voted down
questions_none = Nothing is open
questions_none_text = Questions that the documents do not answer come here by themselves, and are kept for 90 days.
questions_votes = { $count ->
        [one] { $count } vote against it
       *[other] { $count } votes against it
    }
questions_close = Done
told_question_closed = Taken off the list.

## Health of a server

health_title = Health
health_problem = Does not work
health_warning = Look at this
health_unknown = Unknown
health_ok = Fine
health_summary_problem = Something does not work. What is below says how to mend it.
health_summary_warning = It works, but something needs a look.
health_summary_unknown = Not everything can be told right now.
health_summary_ok = All is well.
health_of_server = In this server
health_of_account = For all servers
health_since = first seen
health_again = Check again
check_discord = Discord
check_membership = Membership
check_gateway = Connection
check_content = Content of messages
check_permissions = Permissions
check_answers = Answers
check_settings = Settings
check_commands = Commands
check_interactions = Use of commands
check_quota = Messages of the month
check_model = Language model
check_embeddings = Embeddings
check_sources = Knowledge
check_mail = E-mails to the team
check_key = Bot tokens
server_settings = Settings
servers_add = Add to Discord
attention_see_health = How to mend it

## Messages by day

chart_title = Messages a day
chart_label = Messages of this month by day and kind
chart_table = As a table
chart_day = Day
chart_total = Total
kind_mention = Mentions
kind_all = All messages
kind_command = Commands
kind_api = API and playground
kind_other = Other channels
feature_live = Conversations live in the dashboard
feature_takeover = A person takes over a conversation

## Steps of an answer

step_conversation = Earlier words
step_retrieval = Search
step_quota = Counting
step_prompt = Prompt
step_model = Language model
step_reply = Reading the answer
step_memory = Remembering
milliseconds = { $amount } ms

## Team

nav_team = Team
sign_out = Sign out
team_lead = Who may see and change this account.
team_made = The invitation's link
team_made_text = Send it to one person: it is shown this once, works once, and ends after 7 days.
team_members = Members
team_nobody = Nobody has signed in yet. On this machine, its local admin is the owner.
team_you = You
team_since = since
team_role_of = Role of { $name }
team_change = Change
team_remove = Remove
team_remove_sure = They see nothing of this account from now on, and API tokens that they made are revoked.
team_remove_yes = Yes, remove them
team_invite = Invite somebody
team_invite_text = Whoever follows the link and signs in with Discord becomes a member.
team_invite_send = Make an invitation
team_open = Invitations that nobody has used
team_ends = ends on { $date }
team_uninvite = Take back
team_last_owner = This is the account's only owner. Make somebody else an owner first.
team_many_invitations = There are too many invitations that nobody has used. Take some back first.
role_owner = Owner
role_owner_text = May do everything.
role_admin = Admin
role_admin_text = Changes everything but roles and members.
role_agent = Agent
role_agent_text = Sees servers, knowledge and conversations; changes no settings.
told_invitation_revoked = Taken back. The link is worthless from now on.
told_role_changed = Changed. It counts from now on.
told_member_removed = Removed. They see nothing of this account any more.
audit_title = Who changed what
audit_none = Nothing has been changed yet.
audit_token = Token “{ $name }”
audit_settings_changed = changed the settings of a server
audit_source_added = added knowledge
audit_source_refreshed = had a source read again
audit_source_removed = removed a source
audit_notifications_changed = changed who is told
audit_bot_set = set the custom bot
audit_bot_removed = removed the custom bot
audit_token_created = made a token
audit_token_revoked = revoked a token
audit_invitation_created = invited somebody
audit_invitation_revoked = took an invitation back
audit_member_joined = joined
audit_member_role_changed = changed a role
audit_member_removed = removed a member
audit_guild_connected = connected a server
audit_guild_disconnected = disconnected a server
audit_account_created = created the account
join_title = You are invited
join_text = You are invited to { $account }. Your role will be: { $role }.
join_as = Join as { $name }
audit_member_left = left the account
audit_plan_changed = changed the plan
account_title = Your accounts
account_lead = The accounts that you belong to. You look at one of them at a time.
account_list = Accounts
account_none = You belong to no account any more. Ask for an invitation, or sign out and sign in again.
account_current = You look at this one
account_choose = Look at it
account_choose_named = Look at { $account }
account_leave = Leave
account_leave_named = Yes, leave { $account }
account_leave_sure = You see nothing of this account from now on, and API tokens that you made there are revoked. To come back, you need an invitation.
account_leave_yes = Yes, leave it
account_sessions = Where you are signed in
account_sessions_text = If you have lost a device, or signed in on one that is not yours: this signs you out in all browsers, in this one too.
sign_out_everywhere = Sign out everywhere
told_account_left = You have left the account.
server_disconnect = Disconnect this server
server_disconnect_text = Guildhall no longer answers there, and another account may connect the server. Its settings are kept for 30 days, for when you connect it again.
server_disconnect_leave = The bot leaves the server
server_disconnect_sure = Members of the server get no answers from now on.
server_disconnect_yes = Yes, disconnect it
told_server_disconnected = Disconnected. The server is no longer yours here.
