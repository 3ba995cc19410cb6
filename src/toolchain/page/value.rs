//! Values of CSS properties, as specs write them and as a browser gives them.

use std::fmt;

/// A colour in sRGB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CssColour {
    /// 0 to 255.
    pub red: u8,
    /// 0 to 255.
    pub green: u8,
    /// 0 to 255.
    pub blue: u8,
    /// 0 to 1.
    pub alpha: f64,
}

impl fmt::Display for CssColour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)?;
        if self.alpha < 1.0 { write!(f, " with an opacity of {:.2}", self.alpha) } else { Ok(()) }
    }
}

impl CssColour {
    /// Opaque white: the canvas.
    pub const WHITE: Self = Self { red: 255, green: 255, blue: 255, alpha: 1.0 };

    /// From four numbers.
    pub fn of(parts: [f64; 4]) -> Self {
        let byte = |at: usize| parts[at].round().clamp(0.0, 255.0) as u8;
        Self { red: byte(0), green: byte(1), blue: byte(2), alpha: parts[3].clamp(0.0, 1.0) }
    }

    /// Reads `#rgb`, `#rrggbb`, `#rrggbbaa`, `rgb(…)`, `rgba(…)`, `white`, `black`, `transparent`.
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "white" => return Some(Self::WHITE),
            "black" => return Some(Self::of([0.0, 0.0, 0.0, 1.0])),
            "transparent" => return Some(Self::of([0.0; 4])),
            _ => {}
        }
        if let Some(digits) = text.strip_prefix('#') {
            let double = |c: char| [c, c];
            let digits: String = match digits.len() {
                3 | 4 => digits.chars().flat_map(double).collect(),
                _ => digits.to_owned(),
            };
            if !matches!(digits.len(), 6 | 8) || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
                return None;
            }
            let byte = |at: usize| {
                let part = digits.get(at..at + 2).unwrap_or("ff");
                u8::from_str_radix(part, 16).ok()
            };
            let alpha = f64::from(byte(6)?) / 255.0;
            return Some(Self { red: byte(0)?, green: byte(2)?, blue: byte(4)?, alpha });
        }
        let inner = text.strip_prefix("rgba(").or_else(|| text.strip_prefix("rgb("))?;
        let inner = inner.strip_suffix(')')?;
        let parts = inner.split([',', ' ', '/']).filter(|part| !part.is_empty());
        let parts: Vec<f64> = parts.map(|part| part.parse().ok()).collect::<Option<_>>()?;
        match parts[..] {
            [red, green, blue] => Some(Self::of([red, green, blue, 1.0])),
            [red, green, blue, alpha] => Some(Self::of([red, green, blue, alpha])),
            _ => None,
        }
    }

    /// This colour over an opaque one.
    pub fn over(self, below: Self) -> Self {
        let mix =
            |top: u8, low: u8| f64::from(top) * self.alpha + f64::from(low) * (1.0 - self.alpha);
        Self::of([
            mix(self.red, below.red),
            mix(self.green, below.green),
            mix(self.blue, below.blue),
            1.0,
        ])
    }

    /// Relative luminance, by WCAG 2.
    pub fn luminance(self) -> f64 {
        let linear = |byte: u8| {
            let part = f64::from(byte) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }
}

/// The contrast of two luminances, by WCAG 2.
pub fn contrast(one: f64, other: f64) -> f64 {
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum CssValue {
    /// A length.
    Pixels(f64),
    /// A number without a unit.
    Number(f64),
    /// A colour.
    Colour(CssColour),
    /// Anything else: in lower case, without quotes, with single blanks.
    Words(String),
}

impl CssValue {
    /// Reads what a spec writes.
    ///
    /// # Errors
    /// Why it is not a value.
    pub fn read(property: &str, text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
        if let Some(pixels) = text.strip_suffix("px").and_then(number) {
            return Ok(Self::Pixels(pixels));
        }
        if let Some(number) = number(text) {
            return Ok(Self::Number(number));
        }
        if is_colour(property) {
            let why = "write a colour as `#rrggbb` or `rgb(…)`";
            return CssColour::read(text).map(Self::Colour).ok_or_else(|| why.to_owned());
        }
        let first = text.trim_start_matches(['-', '.']);
        if first.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(' ') {
            return Err("write lengths in `px`; a browser gives them so".to_owned());
        }
        Ok(Self::Words(words(text)))
    }
}

/// Whether the values of a property are colours.
fn is_colour(property: &str) -> bool {
    property == "color" || property.ends_with("-color") || ["fill", "stroke"].contains(&property)
}

/// A text of CSS in one spelling.
pub fn words(text: &str) -> String {
    let plain = text.to_lowercase().replace(['"', '\''], "").replace(',', " , ");
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    plain.replace(" ,", ",")
}
