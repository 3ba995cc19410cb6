//! Compares assertions and the general rules with what a browser measured.

use super::assertion::{PageAssertion, PageClaim, PageOperator};
use super::html::HtmlTag;
use super::measure::{
    ElementFlaw, ElementFlawKind, InkLayer, MatchedElement, PageElement, PageInk, PageView,
    PageViews,
};
use super::value::{CssColour, CssValue, contrast, words};

/// Why an assertion does not hold.
#[derive(Debug)]
pub struct PageFault {
    /// Its rule.
    pub rule: &'static str,
    /// What was measured, and what is wanted.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// The line in the page.
    pub line: Option<u32>,
    /// The measured value and the wanted one.
    pub values: Option<(String, String)>,
}

/// The rule of a selector that a browser does not read.
pub const SELECTOR: &str = "selector";

/// Properties that say of an element that it is not seen.
const HIDING: [&str; 3] = ["display", "visibility", "opacity"];
/// Contrast of texts, by WCAG 2 AA.
const USUAL_CONTRAST: f64 = 4.5;
const LARGE_CONTRAST: f64 = 3.0;
/// The least size of a text in pixels.
const LEAST_SIZE: f64 = 9.0;
/// General faults of one kind that are told.
const SHOWN: usize = 5;

/// Judges a page.
pub struct PageJudge<'a> {
    /// What was measured.
    pub views: &'a PageViews,
    /// The tags of the page.
    pub tags: &'a [HtmlTag],
}

impl PageJudge<'_> {
    /// The line of an element.
    fn line(&self, one: &PageElement) -> Option<u32> {
        let own = self.tags.iter().filter(|tag| tag.name == one.tag);
        own.map(|tag| tag.line).nth(one.nth)
    }

    fn fault(&self, message: String, remedy: &str, at: Option<&PageElement>) -> PageFault {
        let (remedy, line) = (remedy.to_owned(), at.and_then(|one| self.line(one)));
        PageFault { rule: "page", message, remedy, line, values: None }
    }

    /// Why an assertion does not hold; `None` if it does.
    pub fn judge(&self, assertion: &PageAssertion) -> Option<PageFault> {
        let width = assertion.width;
        let fault = match &assertion.claim {
            PageClaim::NoOverflow => self.overflow(width),
            PageClaim::Inside(one, other) => self.inside(width, one, other).err(),
            PageClaim::Before(one, other) => self.before(width, one, other).err(),
            PageClaim::Count(selector, how, wanted) => self.count(width, selector, *how, *wanted),
            PageClaim::Text(selector, how, wanted) => {
                self.each(width, selector, true, |one| text(one, *how, wanted)).err()
            }
            PageClaim::Contrast(selector, how, wanted) => {
                self.contrast(width, selector, *how, *wanted).err()
            }
            PageClaim::Style(selector, property, how, wanted) => {
                let seen = !HIDING.contains(&property.as_str());
                self.each(width, selector, seen, |one| style(one, property, *how, wanted)).err()
            }
        };
        fault.map(|one| PageFault {
            message: format!("`{}` at {width}px: {}", assertion.text, one.message),
            ..one
        })
    }

    fn matched(&self, width: u32, selector: &str) -> Result<&[MatchedElement], PageFault> {
        let matched = self.views.matched(width, selector);
        match matched {
            Some(all) if all.wrong => {
                let message = format!("a browser does not read the selector `{selector}`");
                Err(PageFault { rule: SELECTOR, ..self.fault(message, "correct the spec", None) })
            }
            Some(all) if !all.elements.is_empty() => Ok(&all.elements),
            _ => {
                let message = format!("no element matches `{selector}`");
                Err(self.fault(message, "add such an element", None))
            }
        }
    }

    /// The first element of which something does not hold.
    fn each(
        &self,
        width: u32,
        selector: &str,
        seen: bool,
        wrong: impl Fn(&MatchedElement) -> Option<(String, String)>,
    ) -> Result<(), PageFault> {
        for one in self.matched(width, selector)? {
            if seen && !one.shown {
                let message = format!("`{}` is not seen", one.own.name);
                return Err(self.fault(message, "show it at this width", Some(&one.own)));
            }
            if let Some((got, wanted)) = wrong(one) {
                let message = format!("`{}` has {got}; wanted is {wanted}", one.own.name);
                let fault = self.fault(message, "change the rule or the element", Some(&one.own));
                return Err(PageFault { values: Some((got, wanted)), ..fault });
            }
        }
        Ok(())
    }

    fn count(
        &self,
        width: u32,
        selector: &str,
        how: PageOperator,
        wanted: f64,
    ) -> Option<PageFault> {
        let all = self.views.matched(width, selector)?;
        if all.wrong {
            return self.matched(width, selector).err();
        }
        let first = all.elements.first().map(|one| &one.own);
        let message = format!("{} such elements are seen", all.count);
        let fault = || self.fault(message, "add or remove elements", first);
        (!how.holds(f64::from(all.count), wanted)).then(fault)
    }

    fn inside(&self, width: u32, one: &str, other: &str) -> Result<(), PageFault> {
        let (inner, outer) = (self.matched(width, one)?, self.matched(width, other)?);
        let is_in =
            |one: &MatchedElement| outer.iter().any(|other| one.above.contains(&other.own.number));
        let Some(out) = inner.iter().find(|one| !is_in(one)) else { return Ok(()) };
        let message = format!("`{}` is outside of `{other}`", out.own.name);
        Err(self.fault(message, "move it into that element", Some(&out.own)))
    }

    fn before(&self, width: u32, one: &str, other: &str) -> Result<(), PageFault> {
        let (first, second) = (self.matched(width, one)?, self.matched(width, other)?);
        let pairs = || first.iter().flat_map(|one| second.iter().map(move |other| (one, other)));
        if let Some((one, other)) = pairs().find(|(one, other)| one.own.number >= other.own.number)
        {
            let message =
                format!("`{}` comes after `{}` in the page", one.own.name, other.own.name);
            return Err(self.fault(message, "change their order", Some(&one.own)));
        }
        let is_above = |one: &MatchedElement, other: &MatchedElement| {
            let ([_, top, right, bottom], [left, start, ..]) = (one.place, other.place);
            bottom <= start + 1.0 || (right <= left + 1.0 && top < other.place[3])
        };
        let seen = |pair: &(&MatchedElement, &MatchedElement)| pair.0.shown && pair.1.shown;
        let wrong = pairs().filter(seen).find(|(one, other)| !is_above(one, other));
        let Some((one, other)) = wrong else { return Ok(()) };
        let message = format!(
            "on the screen `{}` (top {:.0}px) is not before `{}` (top {:.0}px)",
            one.own.name, one.place[1], other.own.name, other.place[1]
        );
        Err(self.fault(message, "change their order in the style sheet", Some(&one.own)))
    }

    fn contrast(
        &self,
        width: u32,
        selector: &str,
        how: PageOperator,
        wanted: f64,
    ) -> Result<(), PageFault> {
        let all = self.matched(width, selector)?;
        let view = self.views.views.get(&width);
        let of = |one: &MatchedElement| {
            let inks = view.into_iter().flat_map(|view| &view.inks);
            inks.filter(|ink| ink.inside.contains(&one.own.number)).collect::<Vec<_>>()
        };
        for one in all {
            let inks = of(one);
            if inks.is_empty() {
                let message = format!("`{}` has no text that is seen", one.own.name);
                return Err(self.fault(message, "give it a text", Some(&one.own)));
            }
            let wrong = inks.into_iter().find_map(|ink| self.ink(ink, how, wanted));
            wrong.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    /// Why the contrast of a text is not as wanted.
    fn ink(&self, ink: &PageInk, how: PageOperator, wanted: f64) -> Option<PageFault> {
        let text = format!("the text \"{}\" of `{}`", ink.text, ink.own.name);
        match ink_contrast(ink) {
            Ok((ratio, colours)) => {
                // As people round it: 4.496 is not 4.5.
                let floor = (ratio * 100.0).floor() / 100.0;
                let message =
                    format!("{text} has a contrast of {floor:.2} ({colours}); wanted is {wanted}");
                let remedy = "choose a darker or lighter colour for the text or its background";
                let values = Some((format!("{floor:.2}"), wanted.to_string()));
                let fault = || self.fault(message, remedy, Some(&ink.own));
                (!how.holds(floor, wanted)).then(|| PageFault {
                    rule: "contrast",
                    values,
                    ..fault()
                })
            }
            Err((why, remedy)) => {
                let fault = self.fault(format!("{text} {why}"), remedy, Some(&ink.own));
                Some(PageFault { rule: "contrast", ..fault })
            }
        }
    }

    fn overflow(&self, width: u32) -> Option<PageFault> {
        self.wide(width, self.views.views.get(&width)?)
    }

    fn wide(&self, width: u32, view: &PageView) -> Option<PageFault> {
        let wide = view.wide.first();
        if view.scroll <= view.room + 1.0 && wide.is_none() {
            return None;
        }
        let end = wide.map_or(view.scroll, |one| one.right.max(view.scroll));
        let what = wide.map_or("the page".to_owned(), |one| format!("`{}`", one.own.name));
        let message = format!("{what} ends at {end:.0}px on a screen of {width}px");
        let remedy = "let it wrap or shrink: `max-width: 100%`, no fixed widths";
        let fault = self.fault(message, remedy, wide.map(|one| &one.own));
        let values = Some((format!("{end:.0}px"), format!("{width}px")));
        Some(PageFault { rule: "overflow", values, ..fault })
    }

    /// What every page must keep, at all measured widths: contrast, overflow, loaded files.
    pub fn general(&self) -> Vec<PageFault> {
        let mut all: Vec<PageFault> = Vec::new();
        let usual = self.views.views.iter().map(|(width, view)| (width, view, ""));
        let dark = self.views.dark.iter().map(|(width, view)| (width, view, " in a dark theme"));
        for (width, view, theme) in usual.chain(dark) {
            let inks = self.inks(view).into_iter().take(SHOWN);
            let sizes = view.inks.iter().filter_map(|ink| self.size(ink)).take(SHOWN);
            let flaws = view.flaws.iter().map(|one| self.flaw(one)).take(SHOWN);
            let found = inks.chain(sizes).chain(flaws).chain(self.wide(*width, view));
            let found = found.chain(self.errors(view));
            for mut one in found {
                one.message = format!("at {width}px{theme} {}", one.message);
                let is_same = |known: &PageFault| known.rule == one.rule && known.line == one.line;
                if !all.iter().any(is_same) {
                    all.push(one);
                }
            }
        }
        all
    }

    fn inks(&self, view: &PageView) -> Vec<PageFault> {
        let large = |ink: &PageInk| ink.size >= 24.0 || ink.size >= 18.66 && ink.weight >= 700.0;
        let least = |ink: &PageInk| if large(ink) { LARGE_CONTRAST } else { USUAL_CONTRAST };
        let wrong = |ink: &PageInk| self.ink(ink, PageOperator::AtLeast, least(ink));
        view.inks.iter().filter_map(wrong).collect()
    }

    /// Why a text is too small.
    fn size(&self, ink: &PageInk) -> Option<PageFault> {
        if ink.size >= LEAST_SIZE {
            return None;
        }
        let (got, wanted) = (format!("{:.1}px", ink.size), format!("{LEAST_SIZE}px"));
        let message =
            format!("the text \"{}\" of `{}` is drawn with {got}", ink.text, ink.own.name);
        let remedy = "set a larger `font-size`, and do not scale it down";
        let fault = self.fault(message, remedy, Some(&ink.own));
        Some(PageFault { rule: "size", values: Some((got, wanted)), ..fault })
    }

    fn flaw(&self, flaw: &ElementFlaw) -> PageFault {
        let (rule, what, remedy) = match flaw.rule {
            ElementFlawKind::Animation => {
                ("animation", "moves for longer than 5 seconds", "let it end within 5 seconds")
            }
            ElementFlawKind::Content => {
                ("content", "has words in `content` of the style sheet", "write them in the page")
            }
            ElementFlawKind::Cut => {
                ("cut", "has a text that is cut off", "give it room, or let it wrap")
            }
        };
        let fault = self.fault(format!("`{}` {what}", flaw.own.name), remedy, Some(&flaw.own));
        PageFault { rule, ..fault }
    }

    fn errors(&self, view: &PageView) -> Vec<PageFault> {
        let fault = |text: &String| {
            let fault = self.fault(text.clone(), "use only files of the page", None);
            PageFault { rule: "load", ..fault }
        };
        view.errors.iter().map(fault).collect()
    }
}

/// The text that an element has and the wanted one, if they differ.
fn text(one: &MatchedElement, how: PageOperator, wanted: &str) -> Option<(String, String)> {
    let holds = match how {
        PageOperator::Contains => one.text.contains(wanted),
        PageOperator::IsNot => one.text != wanted,
        _ => one.text == wanted,
    };
    let shown: String = one.text.chars().take(200).collect();
    let wanted = match how {
        PageOperator::Contains => format!("a text with \"{wanted}\""),
        PageOperator::IsNot => "another text".to_owned(),
        _ => format!("\"{wanted}\""),
    };
    (!holds).then(|| (format!("the text \"{shown}\""), wanted))
}

/// The value that a property has and the wanted one, if they differ.
fn style(
    one: &MatchedElement,
    property: &str,
    how: PageOperator,
    wanted: &CssValue,
) -> Option<(String, String)> {
    let got = one.styles.get(property).map(String::as_str).unwrap_or_default();
    let pixels = |name: &str| one.styles.get(name)?.strip_suffix("px")?.parse::<f64>().ok();
    let (holds, told) = match wanted {
        CssValue::Pixels(number) => {
            (pixels(property).is_some_and(|got| how.holds(got, *number)), format!("{number}px"))
        }
        CssValue::Number(number) => {
            let zero = (*number == 0.0).then(|| pixels(property)).flatten();
            let got = got.parse::<f64>().ok().or(zero);
            (got.is_some_and(|got| how.holds(got, *number)), number.to_string())
        }
        CssValue::Colour(colour) => {
            let is_same = CssColour::read(got).is_some_and(|got| is_same(got, *colour));
            (is_same == (how == PageOperator::Is), colour.to_string())
        }
        CssValue::Words(text) => {
            let own = words(got);
            let holds = match how {
                PageOperator::Contains => own.contains(text.as_str()),
                PageOperator::IsNot => own != *text,
                _ => own == *text,
            };
            (holds, text.clone())
        }
    };
    let sign = match how {
        PageOperator::Below => "less than ",
        PageOperator::AtMost => "at most ",
        PageOperator::AtLeast => "at least ",
        PageOperator::Above => "more than ",
        PageOperator::IsNot => "another value than ",
        PageOperator::Contains => "a value with ",
        PageOperator::Is => "",
    };
    let shown = CssColour::read(got).map_or(got.to_owned(), |colour| colour.to_string());
    let shown = if shown.is_empty() { "no value".to_owned() } else { shown };
    (!holds).then(|| (format!("`{property}` {shown}"), format!("{sign}{told}")))
}

fn is_same(one: CssColour, other: CssColour) -> bool {
    let plain = |one: CssColour| (one.red, one.green, one.blue);
    plain(one) == plain(other) && (one.alpha - other.alpha).abs() < 0.01
}

/// The least contrast of a text with what is behind it, and the two colours; or why it is unknown,
/// and what to do.
fn ink_contrast(ink: &PageInk) -> Result<(f64, String), (String, &'static str)> {
    if let Some(cover) = &ink.cover {
        return Err((cover.clone(), "show it whole, with nothing before it"));
    }
    if let Some(what) = &ink.strange {
        return Err((format!("has {what}: what a reader sees cannot be measured"), "remove that"));
    }
    let mut behind = vec![CssColour::WHITE];
    for layer in solid(&ink.layers)?.iter().rev() {
        behind = match layer {
            InkLayer::Colour(colour) => {
                behind.iter().map(|below| CssColour::of(*colour).over(*below)).collect()
            }
            InkLayer::Stops(stops) => {
                let stops: Vec<_> = stops.iter().map(|one| CssColour::of(*one)).collect();
                let over = |below: &CssColour| {
                    let below = *below;
                    stops.iter().map(move |stop| stop.over(below)).collect::<Vec<_>>()
                };
                behind.iter().flat_map(over).take(64).collect()
            }
            InkLayer::Unknown(_) => behind,
        };
    }
    let mut colour = CssColour::of(ink.colour);
    colour.alpha *= ink.opacity;
    let light = |one: &CssColour| one.luminance();
    let least = behind.iter().min_by(|one, other| light(one).total_cmp(&light(other)));
    let most = behind.iter().max_by(|one, other| light(one).total_cmp(&light(other)));
    let (Some(least), Some(most)) = (least, most) else {
        return Err(("has no background".to_owned(), "give it a background colour"));
    };
    let against = |below: &CssColour| contrast(colour.over(*below).luminance(), below.luminance());
    let own = colour.over(*least).luminance();
    // Between two colours of a gradient there are all others.
    let ratio = if behind.len() > 1 && (light(least)..=light(most)).contains(&own) {
        1.0
    } else {
        against(least).min(against(most))
    };
    let below = if against(least) < against(most) { least } else { most };
    Ok((ratio, format!("{} on {below}", colour.over(*below))))
}

/// The layers down to the first that nothing shines through.
fn solid(layers: &[InkLayer]) -> Result<&[InkLayer], (String, &'static str)> {
    for (at, layer) in layers.iter().enumerate() {
        match layer {
            InkLayer::Colour(colour) if colour[3] >= 1.0 => return Ok(&layers[..=at]),
            InkLayer::Stops(stops) if stops.iter().all(|stop| stop[3] >= 1.0) => {
                return Ok(&layers[..=at]);
            }
            InkLayer::Unknown(what) => {
                let why = format!("is over {what}: its contrast cannot be measured");
                return Err((why, "put a plain background colour behind the text"));
            }
            _ => {}
        }
    }
    Ok(layers)
}
