//! The inputs of the gates of one target, as content: built once, named by a digest, shared.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::contract::{ContractTest, tests_of};
use crate::toolchain::{self, ExampleSuites, ProgramTest, Suite, Toolchain};
use crate::types::{
    Action, Digest, Fingerprint, GateConfig, GateName, Isolation, Limits, LimitsConfig, Provenance,
    Red, RedProof, Spec, SpecId, Target, TargetName, limits,
};

/// The tests of a contract.
#[derive(Clone, Debug, Default)]
pub struct ContractTests {
    /// Visible ones, and properties.
    pub visible: Vec<ContractTest>,
    /// Held-out ones.
    pub hidden: Vec<ContractTest>,
}

impl ContractTests {
    fn of(spec: &Spec) -> Self {
        let (hidden, visible) = tests_of(spec).into_iter().partition(|test| test.hidden);
        Self { visible, hidden }
    }
}

/// The proofs of tests that are judged from outside, without a run: an example that expects
/// something can fail, and what cannot fail was refused with its spec.
pub fn outside_proofs(
    target: &TargetName,
    contract: &ContractTests,
    console: &[ProgramTest],
) -> Vec<RedProof> {
    let contract = contract.visible.iter().chain(&contract.hidden);
    let all = contract.map(|test| (&test.name, test.key));
    let all = all.chain(console.iter().map(|test| (&test.name, test.key)));
    let proof = |(name, key): (&String, Digest)| RedProof {
        test: name.clone(),
        key: Digest::of_parts([target.as_str(), &key.to_string()]),
        red: Red::Seen,
    };
    all.map(proof).collect()
}

/// A program of another spec that the examples of a spec without code run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProgramInputs {
    /// Its spec.
    pub spec: Spec,
    /// Its target's name.
    pub name: TargetName,
    /// Its target.
    pub target: Target,
    /// The specs whose promoted trees it uses.
    pub uses: Vec<SpecId>,
}

/// The target of the same spec whose code a text is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CodeInputs {
    /// Its name.
    pub name: TargetName,
    /// The target.
    pub target: Target,
}

/// The inputs of the gates of a job's target.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GateInputs {
    pub(super) spec: Spec,
    pub(super) name: TargetName,
    pub(super) target: Target,
    pub(super) gates: BTreeMap<GateName, GateConfig>,
    pub(super) suites: Vec<Suite>,
    /// Whether the spec has other targets, whose candidates give the same results.
    #[serde(default)]
    pub(super) compared: bool,
    /// The programs that the examples of a spec without code run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) programs: Vec<ProgramInputs>,
    /// The code that a text is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<CodeInputs>,
    /// The generated suites of the spec's examples.
    #[serde(skip)]
    pub(super) examples: ExampleSuites,
    /// The tests of its contract.
    #[serde(skip)]
    pub(super) contract: ContractTests,
    /// The console examples and requests that are judged from outside.
    #[serde(skip)]
    pub(super) console: Vec<ProgramTest>,
    #[serde(skip)]
    digest: Digest,
}

impl GateInputs {
    /// Assembles the inputs from spec, target with its name, gate settings and user suites.
    pub fn new(
        spec: Spec,
        name: &TargetName,
        target: &Target,
        gates: &BTreeMap<GateName, GateConfig>,
        suites: &[Suite],
    ) -> Self {
        let inputs = Self {
            spec,
            name: name.to_owned(),
            target: target.clone(),
            gates: gates.clone(),
            suites: suites.to_vec(),
            compared: false,
            programs: Vec::new(),
            code: None,
            examples: ExampleSuites::default(),
            contract: ContractTests::default(),
            console: Vec::new(),
            digest: Digest::default(),
        };
        inputs.finish()
    }

    /// The same for a spec with other targets, whose candidates give the same results.
    pub fn compared(self) -> Self {
        Self { compared: true, ..self }.finish()
    }

    /// The same with programs that the examples run.
    pub fn with_programs(self, programs: Vec<ProgramInputs>) -> Self {
        Self { programs, ..self }.finish()
    }

    /// The same for a text about the code of a target.
    pub fn about(self, code: CodeInputs) -> Self {
        Self { code: Some(code), ..self }.finish()
    }

    fn finish(self) -> Self {
        let mut inputs = self;
        inputs.digest = Digest::of(inputs.bytes());
        inputs.examples = toolchain::example_suites(&inputs.spec, &inputs.target);
        inputs.contract = ContractTests::of(&inputs.spec);
        inputs.console = toolchain::console_tests(&inputs.spec, &inputs.target);
        inputs
    }

    /// The serialized inputs that other executors read from a content store by [`Self::digest`].
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("inputs are plain data")
    }

    /// Parses serialized inputs.
    ///
    /// # Errors
    /// The bytes are invalid.
    pub fn read(bytes: &[u8]) -> io::Result<Self> {
        let inputs: Self = serde_json::from_slice(bytes)?;
        if let Some(one) = &inputs.target.declaration
            && let Some(problem) = toolchain::check_declaration(one).first()
        {
            return Err(io::Error::other(format!("`{}`: {}", one.name(), problem.message)));
        }
        let examples = toolchain::example_suites(&inputs.spec, &inputs.target);
        let contract = ContractTests::of(&inputs.spec);
        let console = toolchain::console_tests(&inputs.spec, &inputs.target);
        Ok(Self { digest: Digest::of(bytes), examples, contract, console, ..inputs })
    }

    /// The language of the target.
    pub fn language(&self) -> &'static dyn Toolchain {
        toolchain::of(&self.target)
    }

    /// The spec.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The target's name.
    pub fn name(&self) -> &TargetName {
        &self.name
    }

    /// The target.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The target whose code a text is about.
    pub fn code(&self) -> Option<&TargetName> {
        self.code.as_ref().map(|code| &code.name)
    }

    /// The user's suites.
    pub fn suites(&self) -> &[Suite] {
        &self.suites
    }

    /// The user's settings of gates.
    pub fn settings(&self) -> &BTreeMap<GateName, GateConfig> {
        &self.gates
    }

    /// The digest of these inputs.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// An action for a gate over a tree, with the user's limits and timeout. Requires no isolation
    /// and has no proven tests; set these as needed.
    pub fn action(
        &self,
        gate: &GateName,
        toolchain: Fingerprint,
        tree: Digest,
        provenance: Provenance,
    ) -> Action {
        let (none, own) = (LimitsConfig::default(), self.gates.get(gate));
        let seconds = own.and_then(|gate| gate.timeout_s);
        Action {
            gate: gate.to_owned(),
            tree,
            provenance,
            inputs: self.digest,
            toolchain,
            limits: Limits::of(own.map_or(&none, |gate| &gate.limits)),
            min_isolation: Isolation::NONE,
            control: None,
            links: Vec::new(),
            unproven: Vec::new(),
            proven: Default::default(),
            timeout: seconds.map_or(limits::GATE_TIMEOUT, Duration::from_secs),
        }
    }
}
