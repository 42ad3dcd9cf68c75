//! The signals of crashes: catching them, and what their handler asks of the system.
//!
//! All functions that the handler calls are on POSIX's list of what is safe there, but for `backtrace`, which comes last.
//! (It takes no lock either where glibc is 2.35 or later, and its library is loaded at the start.)
//!
//! A report is written on the stack of the thread that crashed, where there is room. Only if that very stack has overflowed is
//! it the small one that the standard library keeps beside for each of its threads: of its 8 KiB the system alone takes more
//! than three for the registers of some processors, and all for those of others. Which of the two it is is known once the
//! signal has come, so SIGSEGV first comes to the small stack, and a second time to the other.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use libc::{SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, sigaction, siginfo_t};

use spinel_engine::REDIS_VERSION;

use super::IS_FULL;
use super::report::Report;

const SIGNALS: [c_int; 5] = [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT];
/// Frames of the stack that a report shows at most.
const FRAMES: usize = 64;
/// How long a report may take, in seconds; then an alarm ends the process.
const LIMIT_SECONDS: u32 = 10;
/// A fault so near to the end of the stack, in bytes, is an overflow.
const NEAR_THE_STACK: usize = 64 << 10;

/// The thread that reports; 0 for none.
static REPORTER: AtomicI32 = AtomicI32::new(0);
/// What the signals did before, in their order.
static BEFORE: OnceLock<[sigaction; SIGNALS.len()]> = OnceLock::new();
/// Protects the handlers: they are changed together.
static CHANGE: Mutex<()> = Mutex::new(());

/// From now on signals of crashes are reported, or not.
///
/// # Errors
/// If the system refuses.
pub fn catch_signals(catches: bool) -> io::Result<()> {
    let _changing = CHANGE.lock().unwrap_or_else(PoisonError::into_inner);
    IS_FULL.store(catches, Ordering::Relaxed);
    let before = match BEFORE.get() {
        Some(before) => before,
        None => {
            let mut before = [default_action(); SIGNALS.len()];
            for (signal, action) in SIGNALS.into_iter().zip(&mut before) {
                exchange(signal, None, Some(action))?;
            }
            BEFORE.get_or_init(|| before)
        }
    };
    let reporting = SIGNALS.map(first_action);
    for (signal, action) in SIGNALS.into_iter().zip(if catches { &reporting } else { before }) {
        exchange(signal, Some(action), None)?;
    }
    Ok(())
}

/// From now on SIGABRT ends the process without a report.
pub(super) fn stop_catching() {
    // Else there are two reports.
    let _ = exchange(SIGABRT, Some(&default_action()), None);
}

fn exchange(signal: c_int, new: Option<&sigaction>, old: Option<&mut sigaction>) -> io::Result<()> {
    let new = new.map_or(ptr::null(), ptr::from_ref);
    let old = old.map_or(ptr::null_mut(), ptr::from_mut);
    // SAFETY: 1. Each pointer is null or made from a reference that lives as long as the call. 2. The only handlers ever
    // set are those of before, the default and `on_signal`, whose signature is that of SA_SIGINFO.
    let outcome = unsafe { sigaction(signal, new, old) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn default_action() -> sigaction {
    // SAFETY: the structure is numbers, and a function that may be absent; zeros are SIG_DFL, no flags, an empty set.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// What a signal does first: an overflow of the stack is a SIGSEGV.
fn first_action(signal: c_int) -> sigaction {
    if signal == SIGSEGV { action(on_segfault, libc::SA_ONSTACK) } else { action(on_signal, 0) }
}

fn action(handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void), flags: c_int) -> sigaction {
    sigaction { sa_sigaction: handler as usize, sa_flags: libc::SA_SIGINFO | flags, ..default_action() }
}

/// Decides on which stack a SIGSEGV is reported: it runs on the small one.
extern "C" fn on_segfault(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the system gives handlers of SA_SIGINFO two valid pointers, of these types, for as long as they run.
    let (cause, machine) = unsafe { (&*info, &*context.cast::<libc::ucontext_t>()) };
    let must_stay_here = REPORTER.load(Ordering::Relaxed) == thread_id() || is_near_the_stack(cause, machine);
    if must_stay_here || exchange(signal, Some(&action(on_signal, 0)), None).is_err() {
        return on_signal(signal, info, context);
    }
    if cause.si_code <= 0 {
        // SAFETY: it sends this thread, which lives, the signal that somebody sent it, with what was said of it; it comes once
        // this returns. (A fault comes again by itself.)
        unsafe { libc::syscall(libc::SYS_rt_tgsigqueueinfo, libc::getpid(), thread_id(), signal, info) };
    }
}

/// Whether memory near the end of the stack could not be accessed.
fn is_near_the_stack(info: &siginfo_t, context: &libc::ucontext_t) -> bool {
    Registers::of(context).stack.is_some_and(|stack| stack.abs_diff(address_of(info)) < NEAR_THE_STACK)
}

/// What could not be accessed, of a SIGSEGV or SIGBUS.
fn address_of(info: &siginfo_t) -> usize {
    // SAFETY: the system fills the address in for these signals; sent by somebody, they have other bytes there, which
    // are a number all the same.
    unsafe { info.si_addr() as usize }
}

/// Reports, and lets the signal do what it would have done.
extern "C" fn on_signal(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    if REPORTER.load(Ordering::Relaxed) != thread_id() {
        be_the_one_to_report();
        // SAFETY: it only sets a timer; SIGALRM has its default action, which ends the process.
        unsafe { libc::alarm(LIMIT_SECONDS) };
        // SAFETY: the system gives handlers of SA_SIGINFO two valid pointers, of these types, for as long as they run.
        let (info, context) = unsafe { (&*info, &*context.cast::<libc::ucontext_t>()) };
        report(signal, info, context);
    }
    // A fault comes again as soon as this returns; what was sent from elsewhere is sent again.
    if exchange(signal, Some(&default_action()), None).is_err() {
        exit_at_once(1);
    }
    // SAFETY: it sends a signal to this thread, for which it waits until this returns.
    unsafe { libc::raise(signal) };
}

fn report(signal: c_int, info: &siginfo_t, context: &libc::ucontext_t) {
    let mut report = Report::begin();
    let code = info.si_code;
    report.line(format_args!("Redis {REDIS_VERSION} crashed by signal: {signal}, si_code: {code}"));
    let registers = Registers::of(context);
    if signal == SIGSEGV || signal == SIGBUS {
        report.line(format_args!("Accessing address: {:#x}", address_of(info)));
        if is_near_the_stack(info, context) {
            report.line(format_args!("The address is near the stack pointer: the stack may have overflowed"));
        }
    }
    if code == libc::SI_USER || code == libc::SI_TKILL {
        // SAFETY: signals that somebody sent have these fields.
        let (process, user) = unsafe { (info.si_pid(), info.si_uid()) };
        report.line(format_args!("Killed by PID: {process}, UID: {user}"));
    }
    if let Some(instruction) = registers.instruction {
        report.line(format_args!("Crashed running the instruction at: {instruction:#x}"));
    }
    report.about();
    registers.write(&mut report);
    report.plain(format_args!("\n------ STACK TRACE ------\n"));
    if let Some(instruction) = registers.instruction {
        report.plain(format_args!("EIP:\n"));
        report.address(instruction);
    }
    report.plain(format_args!("\nBacktrace:\n"));
    let mut frames = [ptr::null_mut(); FRAMES];
    for frame in backtrace(&mut frames) {
        report.address(*frame as usize);
    }
    report.explain_addresses();
    report.end();
}

/// The registers of the thread when it crashed, as far as the processor is known.
struct Registers<'a> {
    context: &'a libc::ucontext_t,
    instruction: Option<usize>,
    stack: Option<usize>,
}

impl<'a> Registers<'a> {
    #[cfg(target_arch = "x86_64")]
    fn of(context: &'a libc::ucontext_t) -> Self {
        let read = |register: c_int| Some(context.uc_mcontext.gregs[register as usize] as usize);
        Self { context, instruction: read(libc::REG_RIP), stack: read(libc::REG_RSP) }
    }

    #[cfg(target_arch = "aarch64")]
    fn of(context: &'a libc::ucontext_t) -> Self {
        let machine = &context.uc_mcontext;
        Self { context, instruction: Some(machine.pc as usize), stack: Some(machine.sp as usize) }
    }

    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn of(context: &'a libc::ucontext_t) -> Self {
        Self { context, instruction: None, stack: None }
    }

    #[cfg(target_arch = "x86_64")]
    fn write(&self, report: &mut Report) {
        use libc::{
            REG_EFL, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RAX, REG_RBP,
            REG_RBX, REG_RCX, REG_RDI, REG_RDX, REG_RIP, REG_RSI, REG_RSP,
        };
        let names = [
            ("RAX", REG_RAX),
            ("RBX", REG_RBX),
            ("RCX", REG_RCX),
            ("RDX", REG_RDX),
            ("RDI", REG_RDI),
            ("RSI", REG_RSI),
            ("RBP", REG_RBP),
            ("RSP", REG_RSP),
            ("R8", REG_R8),
            ("R9", REG_R9),
            ("R10", REG_R10),
            ("R11", REG_R11),
            ("R12", REG_R12),
            ("R13", REG_R13),
            ("R14", REG_R14),
            ("R15", REG_R15),
            ("RIP", REG_RIP),
            ("EFL", REG_EFL),
        ];
        report.plain(format_args!("\n------ REGISTERS ------\n"));
        for (name, register) in names {
            let value = self.context.uc_mcontext.gregs[register as usize];
            report.plain(format_args!("{name}:{value:016x}\n"));
        }
    }

    #[cfg(target_arch = "aarch64")]
    fn write(&self, report: &mut Report) {
        let machine = &self.context.uc_mcontext;
        report.plain(format_args!("\n------ REGISTERS ------\n"));
        for (number, value) in machine.regs.iter().enumerate() {
            report.plain(format_args!("X{number}:{value:016x}\n"));
        }
        report.plain(format_args!("SP:{:016x}\nPC:{:016x}\n", machine.sp, machine.pc));
    }

    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn write(&self, _report: &mut Report) {
        let _ = self.context;
    }
}

/// Returns in one thread only, the first; it ends the process. A thread that reports and crashes again has it end at once.
pub(super) fn be_the_one_to_report() {
    let own = thread_id();
    if let Err(other) = REPORTER.compare_exchange(0, own, Ordering::SeqCst, Ordering::SeqCst) {
        if other != own {
            for _ in 0..LIMIT_SECONDS {
                // SAFETY: it touches nothing.
                unsafe { libc::sleep(1) };
            }
        }
        exit_at_once(1);
    }
}

/// The addresses that the calling thread will return to.
fn backtrace(frames: &mut [*mut c_void; FRAMES]) -> &[*mut c_void] {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: there is room for so many.
        let found = unsafe { libc::backtrace(frames.as_mut_ptr(), FRAMES as c_int) };
        &frames[..usize::try_from(found).unwrap_or(0).min(FRAMES)]
    }
    #[cfg(not(target_env = "gnu"))]
    &frames[..0]
}

/// Loads what [`backtrace`] needs, which allocates.
pub(super) fn warm_up() {
    backtrace(&mut [ptr::null_mut(); FRAMES]);
}

/// Writes bytes, as far as they can be written.
pub(super) fn write_all(file: RawFd, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: the bytes are there; a number that is no open file is an error and nothing else.
        let written = unsafe { libc::write(file, bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(written) {
            Ok(written) if written > 0 => bytes = &bytes[written.min(bytes.len())..],
            _ => return,
        }
    }
}

pub(super) fn unix_seconds() -> i64 {
    // SAFETY: null is allowed.
    unsafe { libc::time(ptr::null_mut()) }
}

pub(super) fn thread_id() -> i32 {
    // SAFETY: it touches nothing.
    unsafe { libc::gettid() }
}

/// The name of the calling thread, with zeros behind it.
pub(super) fn thread_name() -> [u8; 16] {
    let mut name = [0; 16];
    // SAFETY: the system writes 16 bytes at most.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    name
}

/// Ends the process without any ceremony.
pub(super) fn exit_at_once(code: c_int) -> ! {
    // SAFETY: nothing of the process is needed any more.
    unsafe { libc::_exit(code) }
}

/// Crashes (`DEBUG SEGFAULT`): writes where only reading is allowed.
pub fn segfault() {
    const BYTES: usize = 4096;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: 1. A new mapping, anywhere, touches no other memory. 2. The write is to that mapping if there is one, where it
    // ends the process as the caller wishes; it can have no other effect.
    unsafe {
        let page = libc::mmap(ptr::null_mut(), BYTES, libc::PROT_READ, flags, -1, 0);
        if page != libc::MAP_FAILED {
            page.cast::<u8>().write_volatile(1);
        }
    }
}
