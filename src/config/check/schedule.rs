//! Checks `[schedule]`.

use super::{ConfigCheck, hint};
use crate::toolchain;
use crate::types::{Harness, Schedule};

impl ConfigCheck<'_> {
    pub(super) fn schedule(&mut self, harness: &Harness) {
        let Schedule { jobs, target, priority, drift, .. } = &harness.schedule;
        for pattern in priority {
            if let Err(error) = globset::Glob::new(pattern) {
                let help = "for example \"core-*\"";
                self.wrong(&["schedule", "priority"], error.to_string(), help);
            }
        }
        let mut targets = harness.target.values();
        if drift.is_some() && !targets.any(|one| toolchain::model_under_test(one).is_some()) {
            let help = "remove it; it is for targets with `toolchain = \"assistant\"`";
            self.wrong(&["schedule", "drift"], "no target has a model under test", help);
        }
        if !(1..=64).contains(jobs) {
            let message = "`jobs` must be from 1 to 64";
            self.wrong(&["schedule", "jobs"], message, "the default is 4");
        }
        for (name, most) in target {
            if !harness.target.contains_key(name) {
                let help = hint(name, harness.target.keys().map(|name| name.as_str()));
                let path = ["schedule", "target", name];
                self.wrong(&path, format!("unknown target `{name}`"), help);
            } else if *most == 0 {
                let path = ["schedule", "target", name];
                self.wrong(&path, "the limit is 0", "use 1 or more, or remove it");
            }
        }
    }
}
