//! From the text of a cron pattern to its sets of numbers.

use workflow_graph::nearest;

use super::cron_error::CronError;
use super::field::CronField;
use super::pattern::{Days, Pattern};

/// The order of the fields, for messages.
const ORDER: &str = "minute, hour, day of the month, month and weekday, as in \"0 9 * * MON-FRI\"";

const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * SUN"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

pub(super) fn parse(text: &str) -> Result<Pattern, CronError> {
    if text.starts_with('@') {
        return parse(nickname(text)?);
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    let (second, [minute, hour, day, month, weekday]) = match fields[..] {
        [minute, hour, day, month, weekday] => (None, [minute, hour, day, month, weekday]),
        [second, minute, hour, day, month, weekday] => (Some(second), [minute, hour, day, month, weekday]),
        _ => return Err(miscounted(text, fields.len())),
    };
    let read = |field, part| Field { whole: text, field }.numbers(part);
    let seconds =
        second.map_or(Ok(Numbers { bits: 1, runs: false }), |part| read(CronField::Second, part))?;
    let minutes = read(CronField::Minute, minute)?;
    let hours = read(CronField::Hour, hour)?;
    let mut days = Days::default();
    Field { whole: text, field: CronField::Day }.dates(day, &mut days)?;
    let months = read(CronField::Month, month)?;
    Field { whole: text, field: CronField::Weekday }.weekdays(weekday, &mut days)?;
    Ok(Pattern {
        seconds: seconds.bits,
        minutes: minutes.bits,
        hours: hours.bits,
        days,
        months: months.bits,
        runs: seconds.runs || minutes.runs || hours.runs,
    })
}

fn nickname(text: &str) -> Result<&'static str, CronError> {
    if let Some((_, pattern)) = NICKNAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        return Ok(pattern);
    }
    let cure = match nearest(text, NICKNAMES.iter().map(|(name, _)| *name)) {
        _ if text.starts_with("@every") => {
            "an interval is no cron pattern: give the schedule `every(…)`".into()
        }
        _ if text == "@reboot" => {
            "there is no start of a machine here: start the run where the program starts".into()
        }
        Some(meant) => format!("did you mean {meant}?"),
        None => {
            let names: Vec<&str> = NICKNAMES.iter().map(|(name, _)| *name).collect();
            format!("there are {}", names.join(", "))
        }
    };
    Err(CronError::new(text, text, None, format!("there is no nickname \"{text}\""), cure))
}

fn miscounted(text: &str, count: usize) -> CronError {
    let problem = match count {
        0 => "the cron pattern is empty".to_owned(),
        1 => format!("\"{text}\" has 1 field"),
        _ => format!("\"{text}\" has {count} fields"),
    };
    let cure = if text.starts_with("TZ=") || text.starts_with("CRON_TZ=") {
        "write the five fields alone, and give the zone by `in_zone`".to_owned()
    } else if count == 7 {
        "a pattern has no years: leave the last one out, and give the schedule an end".to_owned()
    } else {
        format!("write five fields: {ORDER}; or six, with the second before them")
    };
    CronError::new(text, text, None, problem, cure)
}

/// Numbers of one field, each a bit.
#[derive(Clone, Copy)]
struct Numbers {
    bits: u64,
    /// Whether they were written with a star or a step: "every so many", not "at this one".
    runs: bool,
}

#[derive(Clone, Copy)]
struct Field<'a> {
    whole: &'a str,
    field: CronField,
}

impl Field<'_> {
    /// Numbers, ranges, stars and steps, with commas between them.
    fn numbers(self, part: &str) -> Result<Numbers, CronError> {
        let mut all = Numbers { bits: 0, runs: false };
        for item in part.split(',') {
            let Numbers { bits, runs } = self.item(item)?;
            all = Numbers { bits: all.bits | bits, runs: all.runs || runs };
        }
        Ok(all)
    }

    fn item(self, item: &str) -> Result<Numbers, CronError> {
        let (body, step) = match item.split_once('/') {
            Some((body, step)) => (body, Some(self.step(item, step)?)),
            None => (item, None),
        };
        let (from, to) = if body == "*" {
            (self.field.limits().0, self.field.last())
        } else if let Some((from, to)) = body.split_once('-') {
            self.range(body, from, to)?
        } else {
            let number = self.number(body)?;
            if let Some(step) = step {
                let cure =
                    format!("write \"{body}-{}/{step}\" for every {step} from {body} on", self.field.last());
                return Err(self.wrong(item, format!("\"{item}\" is a step from one number"), cure));
            }
            (number, number)
        };
        let numbers = (from..=to).step_by(usize::from(step.unwrap_or(1)));
        Ok(Numbers {
            bits: numbers.fold(0, |bits, number| bits | self.bit(number)),
            runs: body == "*" || step.is_some(),
        })
    }

    fn bit(self, number: u8) -> u64 {
        1 << if self.field == CronField::Weekday { number % 7 } else { number }
    }

    fn range(self, body: &str, from: &str, to: &str) -> Result<(u8, u8), CronError> {
        let (first, mut last) = (self.number(from)?, self.number(to)?);
        // The week may end with its Sunday, whatever that is called.
        if self.field == CronField::Weekday && last == 0 && first > 0 {
            last = 7;
        }
        if first <= last {
            return Ok((first, last));
        }
        let end = |number: u8| match self.field.name_of(number) {
            Some(name) if !from.starts_with(|letter: char| letter.is_ascii_digit()) => {
                name[..3].to_uppercase()
            }
            _ => number.to_string(),
        };
        let up = |one: String, other: &str| if one == other { one } else { format!("{one}-{other}") };
        let (least, greatest) = (self.field.limits().0, self.field.last());
        let cure = format!("write \"{},{}\"", up(from.to_owned(), &end(greatest)), up(end(least), to));
        Err(self.wrong(body, format!("\"{body}\" runs backwards"), cure))
    }

    fn step(self, item: &str, step: &str) -> Result<u8, CronError> {
        let last = self.field.last();
        let number = number_of(step).ok_or_else(|| {
            let problem = format!("\"{step}\" is no step");
            self.wrong(
                if step.is_empty() { item } else { step },
                problem,
                "write a number behind the `/`, as in \"*/5\"",
            )
        })?;
        match u8::try_from(number) {
            Ok(0) => Err(self.wrong(step, "a step of 0 never moves", "write 1 or more")),
            Ok(number) if number <= last => Ok(number),
            _ => Err(self.wrong(
                step,
                format!("a step of {number} is longer than the field, which ends at {last}"),
                "for intervals that cross it give the schedule `every(…)`",
            )),
        }
    }

    fn number(self, text: &str) -> Result<u8, CronError> {
        if text.is_empty() {
            let problem = format!("a {} is missing", self.field);
            return Err(self.wrong(text, problem, self.field.cure()));
        }
        let (least, greatest) = self.field.limits();
        let number = match number_of(text) {
            Some(number) => u8::try_from(number).ok().filter(|number| (least..=greatest).contains(number)),
            None => self.named(text),
        };
        number.ok_or_else(|| {
            let short = self.field.names().iter().map(|name| &name[..3]);
            let cure = match nearest(text, short.chain(self.field.names().iter().copied())) {
                Some(meant) if number_of(text).is_none() => format!("did you mean {}?", meant.to_uppercase()),
                _ => self.field.cure().to_owned(),
            };
            self.wrong(text, format!("\"{text}\" is no {}", self.field), cure)
        })
    }

    /// A number by its name, short or whole.
    fn named(self, text: &str) -> Option<u8> {
        let same = |name: &str| name.eq_ignore_ascii_case(text) || name[..3].eq_ignore_ascii_case(text);
        let place = self.field.names().iter().position(|name| same(name))?;
        Some(u8::try_from(place).ok()? + self.field.limits().0)
    }

    fn dates(self, part: &str, days: &mut Days) -> Result<(), CronError> {
        days.any_date = ["*", "?"].contains(&part);
        if part == "?" {
            days.dates = u32::MAX;
            return Ok(());
        }
        for item in part.split(',') {
            if item.eq_ignore_ascii_case("L") {
                days.last = true;
            } else if item.eq_ignore_ascii_case("LW") {
                days.last_working = true;
            } else if let Some(day) = item.strip_suffix(['W', 'w']) {
                days.near |= 1 << self.number(day)?;
            } else if item.starts_with(['L', 'l']) {
                let cure = "`L` is the last day of the month, and `LW` its last working day";
                return Err(self.wrong(item, format!("\"{item}\" is no day of the month"), cure));
            } else {
                days.dates |= u32::try_from(self.item(item)?.bits).unwrap_or(u32::MAX);
            }
        }
        Ok(())
    }

    fn weekdays(self, part: &str, days: &mut Days) -> Result<(), CronError> {
        let (part, both) = part.strip_prefix('+').map_or((part, false), |rest| (rest, true));
        days.any_weekday = ["*", "?"].contains(&part);
        days.both = both;
        if part == "?" {
            days.weekdays = 0x7f;
            return Ok(());
        }
        for item in part.split(',') {
            let (body, set) = match item.split_once('#') {
                Some((body, "L" | "l")) => (body, &mut days.finals),
                Some((body, which)) => (body, self.nth(item, which, days)?),
                None => match item.strip_suffix(['L', 'l']) {
                    Some(body) => (body, &mut days.finals),
                    None => (item, &mut days.weekdays),
                },
            };
            if body.is_empty() && body != item {
                let cure = "write which weekday, as in \"FRIL\" for the last Friday of the month";
                return Err(self.wrong(item, format!("\"{item}\" names no weekday"), cure));
            }
            if body != item && body.contains(['*', '/']) {
                let problem = format!("\"{item}\" counts neither this nor that weekday");
                return Err(self.wrong(item, problem, "name the weekday, as in \"MON#1\" or \"MON-FRI#1\""));
            }
            *set |= u8::try_from(self.item(body)?.bits).unwrap_or(0x7f);
        }
        Ok(())
    }

    fn nth<'d>(self, item: &str, which: &str, days: &'d mut Days) -> Result<&'d mut u8, CronError> {
        let number = number_of(which).and_then(|number| usize::try_from(number).ok());
        let set = number.and_then(|number| days.nth.get_mut(number.checked_sub(1)?));
        set.ok_or_else(|| {
            let part = if which.is_empty() { item } else { which };
            let cure = "write 1 to 5 behind the `#`, as in \"MON#1\", or `L` for the last";
            self.wrong(part, format!("no month has a weekday number \"{which}\""), cure)
        })
    }

    fn wrong(self, part: &str, problem: impl Into<String>, cure: impl Into<String>) -> CronError {
        CronError::new(self.whole, part, Some(self.field), problem, cure)
    }
}

/// A number written in digits alone; one that is too great for anything, if it is too great.
fn number_of(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u32::MAX))
}
