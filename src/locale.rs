//! Discord's names of languages, each in one byte.

/// All of them. [Discord Docs/Reference: Locales]
const NAMES: [&str; 32] = [
    "bg", "cs", "da", "de", "el", "en-GB", "en-US", "es-419", "es-ES", "fi", "fr", "hi", "hr", "hu", "id", "it", "ja",
    "ko", "lt", "nl", "no", "pl", "pt-BR", "ro", "ru", "sv-SE", "th", "tr", "uk", "vi", "zh-CN", "zh-TW",
];

/// One of Discord's locales.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Locale(u8);

impl Locale {
    /// The one that Discord calls so; none for what it does not document.
    pub fn named(name: &str) -> Option<Self> {
        let place = NAMES.binary_search(&name).ok()?;
        u8::try_from(place).ok().map(Self)
    }

    /// What Discord calls it.
    pub fn name(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = &'static str> {
        NAMES.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_name() {
        for name in Locale::all() {
            assert_eq!(Locale::named(name).map(Locale::name), Some(name));
        }
        assert_eq!(Locale::named("tlh"), None);
    }
}
