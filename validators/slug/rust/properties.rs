//! What holds for every slug, whatever the text: checked over many texts, linked to clauses by name.

/// Texts from a small generator: letters, digits, blanks and punctuation in every order.
fn texts() -> impl Iterator<Item = String> {
    let letters: Vec<char> = "aZ3 -_.é".chars().collect();
    (0..4096usize).map(move |mut n| {
        let mut text = String::new();
        for _ in 0..4 {
            text.push(letters[n % letters.len()]);
            n /= letters.len();
        }
        text
    })
}

#[test]
fn slug_runs__never_two_dashes() {
    for text in texts() {
        assert!(!slug::slugify(&text).contains("--"), "{text:?}");
    }
}

#[test]
fn slug_ends__no_dash_at_an_end() {
    for text in texts() {
        let slug = slug::slugify(&text);
        assert!(!slug.starts_with('-') && !slug.ends_with('-'), "{text:?} gives {slug:?}");
    }
}

#[test]
fn slug_letters__a_slug_stays_as_it_is() {
    for text in texts() {
        let slug = slug::slugify(&text);
        assert_eq!(slug::slugify(&slug), slug, "{text:?}");
    }
}
