### What Guildhall itself says, in English: the text behind each function of `sentences.rs`, under its name.
###
### Texts without a variable are one line each. Numbers are plain variables, with a selector where the word beside them
### depends on them. Syntax: https://projectfluent.org/fluent/guide/

## Instead of an answer

not_connected = This server is not connected to an account yet, so I know no documents. An admin can connect it.
not_found = I could not find that in the documents.
model_failed = Sorry, I could not write an answer just now. Please ask again in a minute.
nothing_asked = I could not find a question in that. Please ask it in words.
nothing_to_read = I can see no question there. Please mention me in the same message as your words.
question_too_long = That question is longer than { $limit } characters. Please ask a shorter one.
quota_used_up = This server has used its { $limit } messages for this month. It goes on next month; an admin can raise the plan.
cooldown = { $seconds ->
        [one] One question a second
       *[other] One question every { $seconds } seconds
    }, please. I did not read this one: ask it again in a moment.
too_many = I answer at most { $per_hour ->
        [one] one question
       *[other] { $per_hour } questions
    } an hour here. Please ask again later.
question_not_taken = I could not take your question just now. Please try again in a minute.

## Around an answer

thread_name = Answer
no_model = No language model is configured, so these are the best matching passages:
sources = Sources:
cut = The answer was too long and ends here.

## Votes

vote_noted = Thank you, your vote is noted.
vote_lost = I could not note your vote just now. Please try again in a minute.

## Commands, as Discord lists them

ask_description = Ask a question about this team and its products
question_description = What would you like to know?
# In English, these two names are what Discord calls the option and the command in every language: never change them.
private_name = private
about_name = Ask about this
private_description = Only you see the answer
unknown_command = I do not know this button or command any more.

## The form that asks about a message

no_text = There is no text in that message that I could read.
about_title = Ask about this message
about_question = Your question
about_question_hint = Leave it empty to have the message itself answered. Only you see the answer.
about_placeholder = What would you like to know about this message?
about_message = The message

## E-mails to a team

mail_wanted_subject = Somebody on Discord wants to speak to a person
mail_wanted = Somebody wants to speak to a person.
mail_who = Who: “{ $name }”
mail_where = Where: { $place }
mail_private_place = a private conversation with the bot
mail_when = When: { $at } UTC
mail_words = What they wrote (their words, not Guildhall's):
mail_again = Of this conversation you hear again in an hour at the earliest.
mail_many_subject = Many people on Discord want to speak to a person
mail_many = { $more ->
        [one] One more person
       *[other] { $more } more people
    } wanted to speak to a person between { $from } and { $until } UTC.
mail_many_where = So many are not told of one by one. All of them are listed by GET /api/v1/events.
mail_used_subject = Guildhall: most of this month's messages are used
mail_used = { $percent } % of the { $limit } messages of { $month } are used. When all are, questions are answered with a note that says so, until the next month begins (UTC). A larger plan takes effect at once.
mail_used_up_subject = Guildhall: all of this month's messages are used
mail_used_up = All { $limit } messages of { $month } are used. Questions are answered with a note that says so, until the next month begins (UTC). A larger plan takes effect at once.
mail_foot = Guildhall, for the account “{ $account }”. Event { $event }.
