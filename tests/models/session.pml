/* One peer that dials and one that binds: how their session begins and ends (proto/PROTOCOL.md, "Sessions"; relay/handshake.cc,
   relay/session_table.cc, Handle in relay/engine.cc, relay/session/dial.h, ReportTimer::on_message).

   Connections are of TCP below libzmq: what is sent arrives in order or, when the connection ends, some of the last of
   it never. The dialling socket connects again by itself, under the same session; dialling anew takes a new socket, and
   what is still on its way over the old one may reach the binder later than what follows on the new one.

   FAULTS times, at any moment: a connection breaks; it hangs, and nobody is told; either side is killed and started
   again; either takes a slow link for silence; the answer to a Hello takes longer than the dialler waits; no new socket
   is to be had, and the old one goes on. Besides, a side finds the other silent only when nothing of it can come any
   more. Versions, goodbyes, and damage are not here.

   Proved: what a side takes in a session was sent in that session (a message carries, unseen, the dialling that it
   belongs to), each message once and in order; no binder begins a session twice; when the faults have ended, both sides
   come into the same session over one connection that stands, the binder has no other, and each fault has cost at most
   DIALLINGS of them.

   That the binder compares the numbers of sessions is not needed for it: over one connection Hello comes first.

   Each of these mistakes is refuted (run.sh):
     BUG_DIALLER_TAKES_ALL  the dialler takes messages of any session
     BUG_ANY_ANSWER         the dialler takes the answer to a Hello that it has given up
     BUG_SAME_NUMBER        the dialler dials anew under the same number
     BUG_NO_SILENCE         a session ends only when the other side says so or the connection does
     BUG_LOST_NOT_DUE       the end of a session does not make dialling due
     BUG_NO_LIMIT           a dialler waits for an answer for ever */

#ifndef FAULTS
#define FAULTS 2
#endif
#define DIALLINGS 3
#define CONNECTIONS 3
#define ROOM 2  /* messages in one direction of a connection */
#define DATA_LIMIT 2

#define HELLO 1
#define RESET 2
#define DATA 3

/* kind; session; number in the session (Hello: instance of the dialler); dialling that it belongs to, unseen */
chan to_binder[CONNECTIONS] = [ROOM] of { byte, byte, byte, byte };
chan to_dialler[CONNECTIONS] = [ROOM] of { byte, byte, byte, byte };
bool stands[CONNECTIONS];  /* as far as the kernels know */
bool hangs[CONNECTIONS];   /* though nothing passes */
bool mine[CONNECTIONS];    /* of the dialler's socket */

byte faults, instance = 1;
/* The dialler: */
byte dialling;             /* counts */
byte dialled;              /* Dial::session_ */
bool due = true, said;
byte session, sent, received;
/* The binder, on each connection: */
byte b_session[CONNECTIONS], b_instance[CONNECTIONS], b_sent[CONNECTIONS], b_received[CONNECTIONS];
byte b_dialling[CONNECTIONS];
int begun;                 /* diallings of which a session was begun: bits */

#define FREE(c) (!mine[c] && !(stands[c] && !hangs[c]) && b_session[c] == 0 && len(to_binder[c]) == 0)
#define LINE(c) (mine[c] && stands[c] && !hangs[c])
#define TOGETHER(c) (LINE(c) && session != 0 && b_session[c] == session)
#define ANY(what) (what(0) || what(1) || what(2))
#define EACH(what) what(0); what(1); what(2)
#define TO_BINDER(c) (mine[c] && len(to_binder[c]) != 0)
#define TO_DIALLER(c) (mine[c] && len(to_dialler[c]) != 0)
#define STANDS(c) (mine[c] && stands[c])

inline Drain(queue) {
  do
  :: len(queue) != 0 -> queue?_, _, _, _
  :: else -> break
  od
}

/* What nobody takes is lost, as a full queue refuses it. */
inline Send(queue, c, k, w, x, g) {
  if
  :: stands[c] && !hangs[c] && len(queue) < ROOM -> queue!k, w, x, g
  :: else
  fi
}

inline Connect() {
  if
  :: FREE(0) -> n = 0
  :: !FREE(0) && FREE(1) -> n = 1
  :: !FREE(0) && !FREE(1) && FREE(2) -> n = 2
  fi;
  mine[n] = true; stands[n] = true; hangs[n] = false; Drain(to_dialler[n]); n = 0
}

/* The dialler's socket is closed; over a connection that hangs the binder does not learn it. */
inline Close(c) {
  if
  :: mine[c] -> mine[c] = false; stands[c] = hangs[c]; Drain(to_dialler[c])
  :: else
  fi
}

inline Lost() {
  session = 0; sent = 0; received = 0; dialled = 0;
#ifndef BUG_LOST_NOT_DUE
  due = true
#endif
}

inline DiallerTakes(c) {
  to_dialler[c]?kind, which, number, ghost;
  if
  :: kind == HELLO ->
     if
#ifdef BUG_ANY_ANSWER
     :: session == 0 ->
#else
     :: which == dialled && session == 0 ->
#endif
        assert(ghost == dialling);
        session = which
     :: else
     fi
  :: kind == RESET ->
     if
     :: session != 0 && which == session -> Lost()
     :: session == 0 && which == dialled -> due = true
     :: else
     fi
  :: kind == DATA ->
     if
#ifdef BUG_DIALLER_TAKES_ALL
     :: session != 0 ->
#else
     :: session != 0 && which == session ->
#endif
        assert(ghost == dialling);
        assert(number == 0 || number == received + 1);
        if :: number != 0 -> received = number :: else fi
     :: else
     fi
  fi;
  kind = 0; which = 0; number = 0; ghost = 0
}

/* Session::send: a Report, of which none is needed where both sides are together and nothing will happen to them; or
   anything else. */
#define MAY_REPORT(c, queue) (len(queue[c]) == 0 && (faults < FAULTS || !TOGETHER(c)))
#define MAY_TELL(c, queue, sent) (sent < DATA_LIMIT && len(queue[c]) < ROOM)
#define DIALLER_MAY(c) (session != 0 && LINE(c) && (MAY_REPORT(c, to_binder) || MAY_TELL(c, to_binder, sent)))
#define BINDER_MAY(c) \
  (b_session[c] != 0 && (!stands[c] || \
                          !hangs[c] && (MAY_REPORT(c, to_dialler) || MAY_TELL(c, to_dialler, b_sent[c]))))

inline DiallerSends(c) {
  if
  :: MAY_REPORT(c, to_binder) -> Send(to_binder[c], c, DATA, session, 0, dialling)
  :: MAY_TELL(c, to_binder, sent) -> sent++; Send(to_binder[c], c, DATA, session, sent, dialling)
  fi
}

proctype Dialler() {
  byte kind, which, number, ghost, n;
end:
  do
  :: atomic { TO_DIALLER(0) -> DiallerTakes(0) }
  :: atomic { TO_DIALLER(1) -> DiallerTakes(1) }
  :: atomic { TO_DIALLER(2) -> DiallerTakes(2) }
  :: atomic { /* dial_out */
       session == 0 && due && (FREE(0) || FREE(1) || FREE(2)) ->
       if
       :: EACH(Close); Connect()
       :: faults < FAULTS && ANY(STANDS) -> faults++  /* no new socket is to be had: the old one goes on */
       fi;
       dialling++;
       assert(dialling <= DIALLINGS * (FAULTS + 1));
#ifdef BUG_SAME_NUMBER
       dialled = 1;
#else
       dialled = dialling;
#endif
       said = false; due = false
     }
  :: atomic { dialled != 0 && session == 0 && !said && STANDS(0) -> said = true; Send(to_binder[0], 0, HELLO, dialled, instance, dialling) }
  :: atomic { dialled != 0 && session == 0 && !said && STANDS(1) -> said = true; Send(to_binder[1], 1, HELLO, dialled, instance, dialling) }
  :: atomic { dialled != 0 && session == 0 && !said && STANDS(2) -> said = true; Send(to_binder[2], 2, HELLO, dialled, instance, dialling) }
#ifndef BUG_NO_LIMIT
  :: atomic { /* the time of Dial::limit() is over */
       dialled != 0 && session == 0 && said && !due && (!ANY(TO_BINDER) && !ANY(TO_DIALLER) || faults < FAULTS) ->
       if :: ANY(TO_BINDER) || ANY(TO_DIALLER) -> faults++ :: else fi;
       due = true
     }
#endif
  :: atomic { DIALLER_MAY(0) -> DiallerSends(0) }
  :: atomic { DIALLER_MAY(1) -> DiallerSends(1) }
  :: atomic { DIALLER_MAY(2) -> DiallerSends(2) }
#ifndef BUG_NO_SILENCE
  :: atomic { session != 0 && (!ANY(TOGETHER) && !ANY(TO_DIALLER)) -> Lost() }
#endif
  :: atomic { session != 0 && faults < FAULTS && (ANY(TOGETHER) || ANY(TO_DIALLER)) -> faults++; Lost() }
     /* libzmq connects again. */
  :: atomic { dialled != 0 && !ANY(STANDS) && (FREE(0) || FREE(1) || FREE(2)) -> Connect() }
  od
}

inline EndB(c) { b_session[c] = 0; b_instance[c] = 0; b_sent[c] = 0; b_received[c] = 0; b_dialling[c] = 0 }

inline EndOlder(c) {
  if :: b_session[c] != 0 && b_instance[c] == number -> EndB(c) :: else fi
}

inline BinderTakes(c) {
  to_binder[c]?kind, which, number, ghost;
  if
  :: kind == HELLO && b_session[c] == which
  :: kind == HELLO && b_session[c] != which ->
     EndB(c);
     EndOlder(0); EndOlder(1); EndOlder(2);
     Send(to_dialler[c], c, HELLO, which, 0, ghost);
     assert((begun >> ghost) % 2 == 0);
     begun = begun | (1 << ghost);
     b_session[c] = which; b_instance[c] = number; b_dialling[c] = ghost
  :: kind == DATA ->
     if
     :: b_session[c] != 0 && b_session[c] == which ->
        assert(ghost == b_dialling[c]);
        assert(number == 0 || number == b_received[c] + 1);
        if :: number != 0 -> b_received[c] = number :: else fi
     :: else -> Send(to_dialler[c], c, RESET, which, 0, ghost)
     fi
  fi;
  kind = 0; which = 0; number = 0; ghost = 0
}

inline BinderSends(c) {
  if
  :: !stands[c] -> EndB(c)  /* Sent::kGone */
  :: stands[c] && MAY_REPORT(c, to_dialler) -> Send(to_dialler[c], c, DATA, b_session[c], 0, b_dialling[c])
  :: stands[c] && MAY_TELL(c, to_dialler, b_sent[c]) ->
     b_sent[c]++;
     Send(to_dialler[c], c, DATA, b_session[c], b_sent[c], b_dialling[c])
  fi
}

/* Nothing of the dialler can come any more. */
#define QUIET(c) (len(to_binder[c]) == 0 && !TOGETHER(c) && (!mine[c] || len(to_dialler[c]) == 0))
#define SILENT(c) (b_session[c] != 0 && (QUIET(c) || faults < FAULTS))

inline FindSilent(c) {
  if :: !QUIET(c) -> faults++ :: else fi;
  EndB(c)
}

proctype Binder() {
  byte kind, which, number, ghost;
end:
  do
  :: atomic { len(to_binder[0]) != 0 -> BinderTakes(0) }
  :: atomic { len(to_binder[1]) != 0 -> BinderTakes(1) }
  :: atomic { len(to_binder[2]) != 0 -> BinderTakes(2) }
  :: atomic { BINDER_MAY(0) -> BinderSends(0) }
  :: atomic { BINDER_MAY(1) -> BinderSends(1) }
  :: atomic { BINDER_MAY(2) -> BinderSends(2) }
#ifndef BUG_NO_SILENCE
  :: atomic { SILENT(0) -> FindSilent(0) }
  :: atomic { SILENT(1) -> FindSilent(1) }
  :: atomic { SILENT(2) -> FindSilent(2) }
#endif
  od
}

inline Break(c) { stands[c] = false }
inline Hang(c) { hangs[c] = true; Drain(to_binder[c]); Drain(to_dialler[c]) }
inline Forget(c) { stands[c] = stands[c] && hangs[c] && mine[c]; Drain(to_binder[c]); EndB(c) }

proctype World() {
end:
  do
     /* What was under way when a connection ended. */
  :: atomic { !stands[0] && len(to_binder[0]) != 0 -> Drain(to_binder[0]) }
  :: atomic { !stands[1] && len(to_binder[1]) != 0 -> Drain(to_binder[1]) }
  :: atomic { !stands[2] && len(to_binder[2]) != 0 -> Drain(to_binder[2]) }
  :: atomic { mine[0] && !stands[0] -> Drain(to_dialler[0]); mine[0] = false }
  :: atomic { mine[1] && !stands[1] -> Drain(to_dialler[1]); mine[1] = false }
  :: atomic { mine[2] && !stands[2] -> Drain(to_dialler[2]); mine[2] = false }
  :: atomic { faults < FAULTS && LINE(0) -> faults++; if :: Break(0) :: Hang(0) fi }
  :: atomic { faults < FAULTS && LINE(1) -> faults++; if :: Break(1) :: Hang(1) fi }
  :: atomic { faults < FAULTS && LINE(2) -> faults++; if :: Break(2) :: Hang(2) fi }
  :: atomic { faults < FAULTS -> /* the binder is killed, and started again */ faults++; EACH(Forget) }
  :: atomic {
       faults < FAULTS -> /* the dialler is killed, and started again */
       faults++; instance++;
       EACH(Close);
       session = 0; sent = 0; received = 0; dialled = 0; due = true; said = false
     }
  od
}

#define WELL(c) (TOGETHER(c) && b_dialling[c] == dialling)
#define OTHER(c) (b_session[c] != 0 && !TOGETHER(c))

proctype End() {
  timeout;
  assert(ANY(WELL) && !ANY(OTHER))
}

init {
  atomic {
    run Dialler();
    run Binder();
    run World();
    run End()
  }
}
