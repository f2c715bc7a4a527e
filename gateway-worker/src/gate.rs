//! The cheap gate in front of smart mode: what nobody would answer never becomes a job. Pure; it only stops what is surely
//! casual talk, since the model sees through the rest.

use std::collections::HashSet;
use std::sync::LazyLock;

/// More words than this are no "thanks, see you tomorrow".
const CASUAL_WORDS: usize = 8;

/// Words and phrases of greeting, thanks, assent, laughter and farewell, by language. Compared without accents' variants,
/// capital letters and repeated letters.
const CASUAL: &str = "
    lol lool lmao lmfao rofl haha hehe hihi xd xdd kek lul lulz omg omfg wow wtf oof uwu owo gg ggs wp ez gz grats congrats
    congratulations hi hello hey heya hiya yo sup howdy greetings morning evening night gm gn bye goodbye cya later cheers
    thanks thank thx ty tysm tyvm thanx tks welcome yw np nvm nevermind ok okay okey okie kk k yes yep yeah yea yup ye no
    nope nah sure fine cool nice great good awesome amazing perfect excellent sweet neat epic based true same agreed exactly
    indeed right correct absolutely definitely lovely beautiful cute fun funny sad sorry oops whoops damn dang geez welp
    hmm hm mhm uh uhh um ah oh ooh aha huh ugh meh yay woohoo hooray brb afk bbl bbs irl imo tbh idk idc ikr ofc np
    love understood gotcha roger noted solved works worked brilliant wonderful legend goat pog poggers ping pong test first
    bump f rip ratio real fr bruh bro dude mate man guys everyone everybody folks friends friend team people all

    merci mercii bonjour bonsoir salut coucou bjr bsr slt cc bienvenue ouais oui non nan ouep ouaip daccord accord dac mdr
    mdrr ptdr xptdr lool super genial génial parfait nickel impec top cool chouette trop bien bravo félicitations felicitations
    revoir bientôt bientot demain plus nuit bonne journée journee soirée soiree soir désolé desole pardon voilà voila exact
    exactement carrément carrement grave clair ah oh bah ben hein euh bof zut flûte mince rien derien prie volontiers tchao
    ciao a+ bisous bises jpp oklm stylé style sympa noté compris merciii tkt

    danke dankeschön dankeschon bitte bitteschön hallo hi moin servus grüezi guten morgen tag abend nacht gute tschüss tschuss
    tschau ja nein nee jo jap jup klar genau stimmt super toll prima geil krass klasse perfekt schön schon gern gerne alles
    viel vielen glückwunsch wiedersehen bis später spater bald achso ach oha naja egal passt läuft lauft mahlzeit

    gracias hola buenas buenos dias días tardes noches adiós adios chao hasta luego mañana manana si sí vale claro bueno
    genial perfecto jaja jeje jajaja nada muchas mucho bienvenido bienvenidos bienvenida felicidades excelente guay chido
    órale orale listo entendido

    obrigado obrigada obg olá ola oi bom boa dia tarde noite tchau até ate logo sim não nao beleza blz valeu vlw tranquilo
    legal ótimo otimo perfeito kkk rsrs muito bem vindo vinda parabéns parabens certo entendi show massa

    grazie ciao buongiorno buonasera buonanotte salve arrivederci prego sì certo bene bello bravo brava ottimo perfetto
    grande grandi forte ahaha eheh mille tutti ragazzi scusa scusate capito figo

    bedankt dank dankjewel dankjulliewel hoi hallo doei dag goedemorgen goedemiddag goedenavond welterusten ja nee jawel
    prima leuk mooi gezellig lekker gefeliciteerd tot straks morgen graag graaggedaan top oke oké okee helder snap

    cześć czesc hej siema dzięki dzieki dziękuję dziekuje tak nie spoko dobra dobranoc tack hejsan tjena takk mange tusen
    kiitos moi привет спасибо да нет ок хорошо пока спс ага здравствуйте лол ахах teşekkürler tesekkurler merhaba selam
    evet hayır tamam sağol sagol

    ありがとう ありがとうございます おはよう おはようございます こんにちは こんばんは おやすみ おやすみなさい はい いいえ 了解
    了解です うん そう そうですね すごい なるほど 草 谢谢 謝謝 你好 早上好 晚安 再见 好的 好 是 嗯 哈哈 呵呵 赞 감사합니다 고마워
    안녕 안녕하세요 네 아니요 ㅋㅋ ㅎㅎ ㅇㅇ
";

/// Words that say nothing by themselves: between casual ones they change nothing.
const FILLER: &str = "
    a an the you u ya to so much very really too for that this it its it's is was i i'm im am are we me my your he she they
    there here and or but of in on at with well just again back now today tomorrow tonight day week weekend have had got get
    see be one thing as always already more lot lots bit time soon then out up done do did that's thats lets let's will ill
    c'est c est ça ca va tout toute tous toutes le la les un une des de du d l à a au aux et ou mais je tu il on nous vous
    moi toi pour très tres beaucoup aussi encore bon bonne mon ma mes ton ta tes y en j t m là la pas problème probleme souci
    das die der den ein eine es ist war ich du wir ihr sie mir dir euch und oder so sehr auch noch mal dann doch schönen
    schonen tag euch dank allen zusammen kein problem wünsche
    el la los las un una es de y o pero a ti te me muy por todo todos para eso esto que se tu yo nos
    o a os as um uma é e de da do por tudo pra para isso eu tu você voce vc
    il lo gli i un una è e di a te mi per tutto tutto molto tanto
    de het een en of is was ik je jij jullie we wel heel erg veel voor alles dat dit geen probleem
";

/// Words that begin or carry a question, and words of trouble.
const ASKING: &str = "
    how what whats what's when where who whom whose why which whether can could would should does did anyone anybody someone
    somebody help question explain tell wondering need
    error errors fail fails failed failing failure broken crash crashes crashed crashing bug issue exception stuck timeout
    denied refused cannot can't cant doesn't doesnt won't wont isn't isnt unable invalid warning traceback panic undefined null
    comment pourquoi quand où quel quelle quels quelles qui quoi combien lequel laquelle peut peux pouvez puis quelqu'un
    quelquun aide aider aidez erreur erreurs plante planté bloqué bloque marche fonctionne impossible panne
    wie was wann wo wer wen wem warum wieso weshalb welche welcher welches wohin woher kann könnte kannst könnt jemand hilfe
    fehler fehlermeldung kaputt abgestürzt geht funktioniert
    cómo qué cuándo cuando dónde donde quién quien cuál cual cuánto cuanto cuánta puedo puede pueden alguien ayuda error falla
    fallo funciona
    quando onde quem qual quais quanto posso pode alguém alguem ajuda erro falha funciona porque
    come cosa quando dove chi perché perche quale quali posso può puo qualcuno aiuto errore funziona
    hoe wat wanneer waar wie waarom welke kan kunnen iemand hulp fout foutmelding werkt
    jak co kiedy gdzie kto dlaczego pomoc błąd hur vad när var vem varför hjälp fel как что когда где кто почему помогите
    ошибка nasıl neden nerede kim hata yardım
";

/// Syllables that laughter repeats, as the two letters that it is made of.
const LAUGHTER: [&str; 16] =
    ["ha", "he", "hi", "ho", "ja", "je", "ji", "xd", "rs", "k", "w", "as", "ха", "ах", "ㅋ", "ㅎ"];

static CASUAL_SET: LazyLock<HashSet<String>> = LazyLock::new(|| set(&[CASUAL, FILLER]));
static ASKING_SET: LazyLock<HashSet<String>> = LazyLock::new(|| set(&[ASKING]));

fn set(lists: &[&str]) -> HashSet<String> {
    lists.iter().flat_map(|list| list.split_whitespace()).map(squeezed).collect()
}

/// Whether a message that was not said to the bot may be something to answer.
pub fn may_be_a_question(text: &str) -> bool {
    if text.contains("```") {
        return true;
    }
    let plain = without_tokens(text);
    let words: Vec<String> = words_of(&plain);
    if words.is_empty() {
        return false;
    }
    if plain.contains(['?', '？', '؟', '՞']) || words.len() > CASUAL_WORDS {
        return true;
    }
    if words.iter().all(|word| CASUAL_SET.contains(word) || is_laughter(word)) {
        return false;
    }
    // One word that is neither a question's nor long: a name, a reaction, an exclamation. Scripts without spaces write
    // whole sentences as one.
    match words.as_slice() {
        [word] => ASKING_SET.contains(word) || word.chars().count() > 12 || !word.is_ascii() && !is_latin(word),
        _ => true,
    }
}

/// Without web addresses and Discord's own tokens: `<:smile:1>`, `<@1>`, `<t:1>`, and emoji written as `:smile:`.
fn without_tokens(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_start_matches(['(', '<', '[']);
        if bare.starts_with("http://") || bare.starts_with("https://") {
            plain.push(' ');
            continue;
        }
        let mut rest = word;
        while let Some(start) = rest.find(['<', ':']) {
            let (before, token) = rest.split_at(start);
            plain.push_str(before);
            let length = token_length(token);
            plain.push(' ');
            rest = &token[length..];
        }
        plain.push_str(rest);
    }
    plain
}

/// How long the token is that a text begins with; 1, its first character, if it is none.
fn token_length(text: &str) -> usize {
    let close = if text.starts_with('<') { '>' } else { ':' };
    let inside =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '#' | '&' | '!' | ':' | '_' | '/' | '-' | '+');
    match text[1..].find(close) {
        Some(end) if end > 0 && text[1..=end].chars().all(inside) => end + 2,
        _ => 1,
    }
}

fn words_of(text: &str) -> Vec<String> {
    let letters = |c: char| c.is_alphabetic() || matches!(c, '\'' | '’' | '+') || c.is_numeric();
    let words = text.split(|c| !letters(c)).map(squeezed);
    // A number alone, a keycap, a score: no words.
    words.filter(|word| word.chars().any(char::is_alphabetic)).collect()
}

/// In small letters, each once: "Loool" and "lol" are the same.
fn squeezed(word: &str) -> String {
    let mut squeezed = String::with_capacity(word.len());
    for c in word.chars().flat_map(char::to_lowercase).map(|c| if c == '’' { '\'' } else { c }) {
        if !squeezed.ends_with(c) {
            squeezed.push(c);
        }
    }
    squeezed
}

/// Made of one syllable's letters over and over, after squeezing: "hahaha", "jajajaj", "xd", "k".
fn is_laughter(word: &str) -> bool {
    LAUGHTER.iter().any(|syllable| word.chars().all(|c| syllable.contains(c)))
}

fn is_latin(word: &str) -> bool {
    word.chars().all(|c| c < '\u{250}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CHATTER: &[&str] = &[
        "lol",
        "LOOOOL",
        "lmao",
        "haha",
        "hahahahaha",
        "Haha yeah",
        "xD",
        "xDDDD",
        "jajajaja",
        "kkkkkk",
        "ㅋㅋㅋㅋ",
        "ахахах",
        "mdrrr",
        "ptdr",
        "rsrsrs",
        "thanks!",
        "Thank you so much!",
        "thx",
        "ty",
        "tysm <3",
        "thanks everyone :)",
        "ok",
        "OK.",
        "okay cool",
        "k",
        "kk",
        "yes",
        "yep that's true",
        "no",
        "nope",
        "nice",
        "niiiice",
        "nice one!",
        "cool",
        "awesome!!!",
        "hi",
        "hello everyone",
        "hey guys",
        "good morning",
        "gm",
        "Good night all",
        "bye",
        "see you tomorrow!",
        "brb",
        "afk",
        "you too",
        "same",
        "me too",
        "gg",
        "gg wp",
        "congrats!",
        "👍",
        "😂😂😂",
        "🎉 🎉",
        "<:pepe:123456789012345678>",
        "<a:dance:1> <a:dance:2>",
        ":joy:",
        "!!!",
        "...",
        "???",
        "1️⃣",
        "+1",
        "",
        "   ",
        "https://example.com/a?b=c",
        "<https://example.com> 😂",
        "merci !",
        "Merci beaucoup",
        "bonjour à tous",
        "salut",
        "coucou",
        "bonne nuit",
        "d'accord",
        "super, merci",
        "ça va bien",
        "c'est trop bien",
        "de rien",
        "danke",
        "Vielen Dank!",
        "guten Morgen",
        "alles klar",
        "gracias",
        "muchas gracias",
        "hola a todos",
        "buenos días",
        "obrigado",
        "bom dia",
        "boa noite",
        "valeu",
        "grazie mille",
        "ciao",
        "buongiorno",
        "bedankt",
        "goedemorgen",
        "dzięki",
        "спасибо",
        "ありがとう",
        "おはようございます",
        "谢谢",
        "감사합니다",
        "bruh",
        "Anna!",
        "oops sorry",
        "<@123456789012345678> thanks",
        "ok thanks, will do",
    ];

    const QUESTIONS: &[&str] = &[
        "How long is the warranty?",
        "how do I reset my password",
        "can someone help me",
        "anyone know when the shop opens",
        "it crashes when I start it",
        "I get an error on login",
        "error 404 when downloading",
        "help",
        "help!",
        "lol why?",
        "ok but where is the setting",
        "thanks, and how do I undo it",
        "what does `--force` do",
        "my order has not arrived yet",
        "the hinge is broken",
        "warranty length",
        "refund policy for opened packages",
        "```\nthread 'main' panicked\n```",
        "I bought a Zephyr in May and it makes a strange noise",
        "is it normal that it blinks red",
        "hello, can I pay by card?",
        "good morning everyone, does the update work for you",
        "why",
        "doesn't work",
        "unable to log in",
        "still stuck",
        "See https://example.com/a, does that apply here?",
        "combien coûte la livraison",
        "comment je fais pour annuler",
        "ça marche pas",
        "Bonjour, quelqu'un peut m'aider ?",
        "j'ai une erreur au démarrage",
        "où est la documentation",
        "ma commande n'est pas arrivée",
        "merci ! et pour la batterie ?",
        "wie lange ist die Garantie",
        "kann mir jemand helfen",
        "Das Programm startet nicht mehr",
        "Fehlermeldung beim Start",
        "¿Cuánto dura la garantía?",
        "cómo cambio mi contraseña",
        "no funciona la aplicación",
        "como faço para cancelar",
        "meu pedido não chegou",
        "come posso annullare l'ordine",
        "non funziona niente",
        "hoe kan ik mijn wachtwoord wijzigen",
        "de app werkt niet meer",
        "как сбросить пароль",
        "jak zmienić hasło",
        "保証期間はどのくらいですか",
        "怎么重置密码",
        "비밀번호를 어떻게 바꾸나요",
        "nasıl iptal ederim",
        "TypeError: undefined is not a function",
        "connection refused",
        "price of the pro plan",
    ];

    #[test]
    fn chatter_stops_here() {
        let passed: Vec<_> = CHATTER.iter().filter(|text| may_be_a_question(text)).collect();
        assert!(passed.is_empty(), "taken for questions: {passed:?}");
    }

    #[test]
    fn questions_pass() {
        let stopped: Vec<_> = QUESTIONS.iter().filter(|text| !may_be_a_question(text)).collect();
        assert!(stopped.is_empty(), "taken for chatter: {stopped:?}");
    }

    proptest! {
        #[test]
        fn whatever_asks_in_words_passes(text in "[a-z]{1,9}( [a-z]{1,9}){0,5}") {
            let asked = text + "?";
            prop_assert!(may_be_a_question(&asked));
        }

        #[test]
        fn nothing_makes_it_panic(text in "(?s).{0,60}", tokens in "[<:>@#a-zé !]{0,30}") {
            may_be_a_question(&text);
            may_be_a_question(&tokens);
        }
    }
}
