//! The paths of the standard library that each effect opens.

use crate::types::CodeEffect;

/// A group of paths.
pub struct Closed {
    /// The effect that opens it; `None` for what no effect opens.
    pub effect: Option<CodeEffect>,
    /// Functions and methods.
    pub methods: &'static str,
    /// Types.
    pub types: &'static str,
    /// Macros.
    pub macros: &'static str,
}

const NOTHING: Closed = Closed { effect: None, methods: "", types: "", macros: "" };

/// Everything that is closed unless it is granted. Clippy ignores a path that
/// its version of the standard library does not have.
pub const CLOSED: [Closed; 11] = [
    Closed {
        effect: Some(CodeEffect::Fs),
        methods: "
            std::fs::canonicalize std::fs::copy std::fs::create_dir std::fs::create_dir_all
            std::fs::exists std::fs::hard_link std::fs::metadata std::fs::read std::fs::read_dir
            std::fs::read_link std::fs::read_to_string std::fs::remove_dir
            std::fs::remove_dir_all std::fs::remove_file std::fs::rename std::fs::set_permissions
            std::fs::soft_link std::fs::symlink_metadata std::fs::write std::fs::File::open
            std::fs::File::create std::fs::File::create_new std::fs::File::options
            std::fs::OpenOptions::new std::fs::OpenOptions::open std::fs::DirBuilder::new
            std::fs::DirBuilder::create
            std::path::Path::metadata std::path::Path::symlink_metadata
            std::path::Path::canonicalize std::path::Path::read_link std::path::Path::read_dir
            std::path::Path::exists std::path::Path::try_exists std::path::Path::is_file
            std::path::Path::is_dir std::path::Path::is_symlink
            std::os::unix::fs::symlink std::os::unix::fs::chown std::os::unix::fs::fchown
            std::os::unix::fs::lchown std::os::unix::fs::chroot std::os::unix::fs::mkfifo",
        types: "
            std::fs::File std::fs::OpenOptions std::fs::DirBuilder std::fs::ReadDir
            std::fs::DirEntry",
        ..NOTHING
    },
    Closed {
        effect: Some(CodeEffect::Net),
        methods: "
            std::net::TcpStream::connect std::net::TcpStream::connect_timeout
            std::net::TcpListener::bind std::net::UdpSocket::bind
            std::net::ToSocketAddrs::to_socket_addrs
            std::os::unix::net::UnixStream::connect std::os::unix::net::UnixStream::connect_addr
            std::os::unix::net::UnixStream::pair std::os::unix::net::UnixListener::bind
            std::os::unix::net::UnixListener::bind_addr std::os::unix::net::UnixDatagram::bind
            std::os::unix::net::UnixDatagram::bind_addr std::os::unix::net::UnixDatagram::pair
            std::os::unix::net::UnixDatagram::unbound",
        types: "
            std::net::TcpStream std::net::TcpListener std::net::UdpSocket
            std::os::unix::net::UnixStream std::os::unix::net::UnixListener
            std::os::unix::net::UnixDatagram",
        ..NOTHING
    },
    Closed {
        effect: Some(CodeEffect::Env),
        methods: "
            std::env::var std::env::var_os std::env::vars std::env::vars_os std::env::set_var
            std::env::remove_var std::env::args std::env::args_os std::env::current_dir
            std::env::set_current_dir std::env::current_exe std::env::temp_dir
            std::env::home_dir std::path::absolute std::io::IsTerminal::is_terminal
            std::collections::HashMap::hasher std::collections::HashSet::hasher",
        types: "std::hash::RandomState",
        macros: "std::env std::option_env",
    },
    Closed {
        effect: Some(CodeEffect::Process),
        methods: "
            std::process::exit std::process::abort std::process::id std::process::Command::new
            std::process::ExitCode::exit_process std::os::unix::process::parent_id
            std::io::pipe std::panic::set_hook std::panic::take_hook std::panic::update_hook",
        types: "std::process::Command std::process::Child",
        ..NOTHING
    },
    Closed {
        effect: Some(CodeEffect::Clock),
        methods: "
            std::time::Instant::now std::time::Instant::elapsed std::time::SystemTime::now
            std::time::SystemTime::elapsed std::thread::sleep std::thread::sleep_ms
            std::thread::sleep_until std::thread::park_timeout std::thread::park_timeout_ms
            std::sync::Condvar::wait_timeout std::sync::Condvar::wait_timeout_ms
            std::sync::Condvar::wait_timeout_while std::sync::mpsc::Receiver::recv_timeout",
        ..NOTHING
    },
    Closed {
        effect: Some(CodeEffect::Thread),
        methods: "
            std::thread::spawn std::thread::scope std::thread::current std::thread::park
            std::thread::yield_now std::thread::available_parallelism
            std::thread::Builder::new std::thread::Builder::spawn
            std::thread::Builder::spawn_scoped std::thread::Scope::spawn
            std::thread::JoinHandle::thread std::thread::ScopedJoinHandle::thread
            std::thread::Thread::id std::thread::Thread::name",
        types: "std::thread::Builder std::thread::Thread std::thread::ThreadId",
        ..NOTHING
    },
    Closed { effect: Some(CodeEffect::Stdin), methods: "std::io::stdin", ..NOTHING },
    Closed {
        effect: Some(CodeEffect::Stdout),
        methods: "std::io::stdout",
        macros: "std::print std::println",
        ..NOTHING
    },
    Closed {
        effect: Some(CodeEffect::Stderr),
        methods: "std::io::stderr",
        macros: "std::eprint std::eprintln std::dbg",
        ..NOTHING
    },
    Closed {
        effect: Some(CodeEffect::Unsafe),
        methods: "
            str::as_ptr slice::as_ptr slice::as_ptr_range std::vec::Vec::as_ptr
            std::string::String::as_ptr const_ptr::addr mut_ptr::addr
            const_ptr::expose_provenance mut_ptr::expose_provenance std::ptr::from_ref
            std::rc::Rc::as_ptr std::sync::Arc::as_ptr std::fmt::Pointer::fmt",
        types: "std::ptr::NonNull",
        ..NOTHING
    },
    Closed {
        methods: "
            std::panic::Location::caller std::backtrace::Backtrace::capture
            std::backtrace::Backtrace::force_capture std::any::type_name
            std::any::type_name_of_val",
        macros: "std::module_path std::include",
        ..NOTHING
    },
];

/// What of [`CLOSED`] is open for the root file of a program: it takes arguments and ends with a
/// status.
pub const OF_PROGRAMS: [&str; 4] =
    ["std::env::args", "std::env::args_os", "std::process::exit", "std::process::abort"];

/// The same for a service, in all its files: it reads its port and listens.
pub const OF_SERVICES: [&str; 4] = [
    "std::env::var",
    "std::net::TcpListener",
    "std::net::TcpListener::bind",
    "std::net::TcpStream",
];

/// What an effect opens, for a prompt.
pub fn opens(effect: CodeEffect) -> &'static str {
    match effect {
        CodeEffect::Fs => "files",
        CodeEffect::Net => "network",
        CodeEffect::Env => "environment",
        CodeEffect::Process => "processes",
        CodeEffect::Clock => "clock",
        CodeEffect::Thread => "threads",
        CodeEffect::Stdin => "standard input",
        CodeEffect::Stdout => "standard output",
        CodeEffect::Stderr => "standard error",
        CodeEffect::State => "state that outlives a call",
        CodeEffect::Unsafe => "`unsafe`",
    }
}
