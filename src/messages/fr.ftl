### Ce que dit Guildhall lui-même, en français.
###
### En français, `one` vaut pour 0 et pour 1 : la forme au singulier montre donc le nombre, ou ne parle pas d’un nombre nul.

## Instead of an answer

not_connected = Ce serveur n’est pas encore relié à un compte ; je ne connais donc aucun document. Un admin peut le relier.
not_found = Je n’ai pas trouvé cela dans les documents.
model_failed = Désolé, je n’ai pas pu rédiger de réponse pour le moment. Reposez la question dans une minute.
nothing_asked = Je n’y trouve pas de question. Posez-la avec des mots.
nothing_to_read = Je n’y vois pas de question. Mentionnez-moi dans le même message que votre question.
question_too_long = Cette question dépasse { $limit } caractères. Posez-la plus brièvement.
quota_used_up = Ce serveur a utilisé ses { $limit } messages du mois. Il reprend le mois prochain ; un admin peut changer d’offre.
cooldown = { $seconds ->
        [1] Une question par seconde
       *[other] Une question toutes les { $seconds } secondes
    }, s’il vous plaît. Je n’ai pas lu celle-ci : reposez-la dans un instant.
too_many = Je réponds ici à { $per_hour ->
        [one] { $per_hour } question
       *[other] { $per_hour } questions
    } par heure au plus. Reposez votre question plus tard.
question_not_taken = Je n’ai pas pu prendre votre question. Réessayez dans une minute.

## Around an answer

thread_name = Réponse
no_model = Aucun modèle de langage n’est configuré ; voici les passages qui correspondent le mieux :
sources = Sources :
cut = La réponse était trop longue et s’arrête ici.

## Votes

vote_noted = Merci, votre avis est noté.
vote_lost = Je n’ai pas pu noter votre avis. Réessayez dans une minute.

## Commands, as Discord lists them

ask_description = Poser une question sur cette équipe et ses produits
question_description = Que voulez-vous savoir ?
private_name = privé
about_name = Poser une question
private_description = Vous seul voyez la réponse
unknown_command = Je ne connais plus ce bouton ou cette commande.

## The form that asks about a message

no_text = Ce message ne contient pas de texte que je puisse lire.
about_title = Question sur ce message
about_question = Votre question
about_question_hint = Laissez vide pour que je réponde au message lui-même. Vous seul voyez la réponse.
about_placeholder = Que voulez-vous savoir au sujet de ce message ?
about_message = Le message
