### What health checks find and how to mend it, in English. The checks are in `servers/findings.rs`.

## Discord

found_discord_answers = Discord answers and knows the bot.
found_discord_silent = Discord does not answer at the moment. What is shown is what it said last.
found_token_refused = Discord does not accept the bot's token.
found_no_bot = No Discord bot is set up.
mend_by_waiting = This mends itself when Discord answers again. See discordstatus.com for outages.
mend_token = Make a new token on the page “Bot” of Discord's developer portal and set it here; for the shared bot, the operator sets DISCORD_TOKEN.
mend_no_bot = Bring a bot of your own along on the page “Bot”, or ask the operator to set DISCORD_TOKEN.

## In the server

found_member = The bot is in the server.
found_no_member = The bot is not in the server: it was removed, or never added.
found_member_unknown = Discord does not say at the moment whether the bot is in the server.
mend_no_member = Add the bot to the server again. Its settings here are kept.

## Hearing messages

found_gateway_connected = The connection that hears messages of this server stands.
found_gateway_not_needed = Only commands are answered here, and Discord delivers them itself: no further connection is needed.
found_gateway_connecting = The connection that hears messages of this server is being made.
found_gateway_lost = Nothing listens to the messages of this server at the moment.
found_shards_refused = Discord does not accept the number of connections with which the bot listens.
found_version_refused = Discord has given up the protocol that this version speaks.
mend_gateway_connecting = Wait a minute. If it stays so, ask the operator to look at the gateway worker's log.
mend_gateway_lost = The operator has to see that a gateway worker runs, and that DISCORD_GATEWAY is not off.
mend_shards = The operator leaves DISCORD_SHARDS unset, or sets a higher number.
mend_version = The operator has to update Guildhall.
found_content_read = The bot may read every message, as its mode needs.
found_content_not_needed = Messages to the bot can be read without a special permission.
found_content_refused = The intent “Message Content” is off, so only messages to the bot can be read.
found_content_unknown = Discord does not say at the moment whether the bot may read every message.
mend_content = Switch “Message Content Intent” on, on the page “Bot” of Discord's developer portal. Or choose the mode that answers only when the bot is mentioned.

## Answering

found_permissions_fine = The bot has every permission it needs in { $channels ->
        [one] the channel in which it answers
       *[other] the { $channels } channels in which it answers
    }.
found_permissions_not_needed = Only commands are answered here, which needs no permission in channels.
found_permissions_missing = The bot lacks permissions in { $count ->
        [one] one channel
       *[other] { $count } channels
    }: { $channels }.
found_permissions_nowhere = There is no channel in which the bot may see messages and answer them.
found_permissions_unknown = What the bot may do in the channels is not known now.
found_answers_taken = Discord took every answer lately.
found_answers_refused = Discord refused answers in { $count ->
        [one] one channel
       *[other] { $count } channels
    }: { $channels }.
found_threads_refused = No threads could be started for answers in { $count ->
        [one] one channel
       *[other] { $count } channels
    }, so they were posted as replies: { $channels }.
found_thread = a thread
found_more = { $names } and { $more } more
mend_permissions = In Discord, open the channel's settings, then “Permissions”, and allow the bot's role what is missing. Or take the channel off the list here.
mend_permissions_nowhere = In Discord, allow the bot's role to view channels and send messages in at least one channel, and see that the channel lists here let it in.
mend_threads = Allow the bot's role “Create Public Threads” in these channels, or switch off answering in threads.

permission_view_channel = View Channel
permission_send_messages = Send Messages
permission_send_in_threads = Send Messages in Threads
permission_create_threads = Create Public Threads
permission_read_history = Read Message History

## Settings

found_settings_fine = Everything that the settings name is there.
found_settings_stale = The lists name what is not in the server any more: { $channels } of the channels, { $roles } of the roles.
found_settings_unknown = Whether everything that the settings name is there is not known now.
mend_settings = Take them off the lists. A list of which nothing is left lets nobody in.

## Commands

found_commands = Discord has the commands.
found_no_commands = Discord does not have the current commands yet.
found_by_endpoint = Discord delivers commands to { $host }.
found_by_gateway = Commands come over the same connection as messages.
found_interactions_lost = Commands do not get here: there is no Interactions Endpoint URL, and nothing listens.
found_interactions_unknown = Discord does not say at the moment where it delivers commands.
mend_commands = They are registered within five minutes. If it stays so, ask the operator to look at the log.
mend_interactions = Set Guildhall's public address with /discord/webhook/ behind it as Interactions Endpoint URL in Discord's developer portal, or have a gateway worker run.

## Everything that servers share

found_quota_left = { $used } of { $limit } messages of this month are used.
found_quota_near = { $used } of { $limit } messages of this month are used: soon there will be no answers.
found_quota_used_up = All { $limit } messages of this month are used up: nothing is answered until the next one.
found_model = The language model answers.
found_no_model = No language model is set up: answers are quoted passages.
found_model_fails = The language model failed within the last quarter of an hour.
found_embeddings = The embeddings answer.
found_no_embeddings = Documents are searched by their words; embeddings are not set up.
found_embeddings_fail = The embeddings failed within the last quarter of an hour: documents are searched by their words alone.
found_sources = { $count ->
        [one] One source can
       *[other] { $count } sources can
    } be answered from.
found_no_sources = There is nothing to answer from yet.
found_sources_failed = { $count ->
        [one] One source
       *[other] { $count } sources
    } could not be read: { $titles }.
found_mail = No e-mail to the team was refused within the last day.
found_mail_refused = An e-mail to the team was refused within the last day, and will not arrive.
found_key = No bot token was refused by what seals it within the last day.
found_key_refused = The token of your own bot could not be sealed or opened within the last day: the bot may be silent.
found_title = “{ $title }”
mend_quota = Change to a plan with more messages.
mend_no_model = The operator sets LLM_BASE_URL and LLM_MODEL.
mend_model = Ask again in a minute. If it stays so, the operator looks at the log, and at the model's server, key and credit.
mend_embeddings = The operator looks at the log, and at the embeddings' server and key.
mend_no_sources = Add a text, a file, a page or a site on the page “Knowledge”.
mend_sources = Open the sources on the page “Knowledge”: each says why. Correct them, or have them read again.
mend_mail = See that every address on the page “Notifications” is right. If they are, the operator has MAIL_FROM verified by SES and asks AWS to let it write to everybody, or looks at what the mail server says of it; the log gives the reason.
mend_key = The operator sees that the key of KMS_KEY_ID is enabled and that the roles of Guildhall may use it, or that the sealing key of this installation is the one of before; the log gives the reason.
