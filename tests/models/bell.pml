/* Waiting: the futex word, the bell and the FIFOs of a domain (shm/LAYOUT.md, "Bell").

   Publishers publish a topic each, as often as they like: THREADS of them in node 0, or (not defined) one in each of
   two nodes. READERS sleep in the futex of node 0 for topic 0 and 1, WAITERS in their FIFOs for all topics. Whoever
   publishes or waits may die anywhere, DEATHS in all; a node that died is started again and finds word and bell as
   they were left.

   Values of words and positions do not matter, only whether they have moved since somebody looked: one bit for each
   who looks, so that the number of publications is without bound.

   Proved: when nothing more can happen, nobody who lives sleeps on a publication not seen. A time-out wakes a sleeper
   only where a node has died: as long as none has, none is needed.

   Each of these mistakes is refuted (run.sh):
     BUG_NO_SECOND_ADD    the bell is cleared and the futex woken without adding to the word once more
     BUG_LATE_LOAD        a reader loads the word after having looked at the topic again (setting the bit there is
                          harmless: the futex compares the word)
     BUG_LATE_ARM         a Waiter arms after having read the words again
     BUG_PLAIN_CLEAR      the bell is read and cleared in two steps instead of exchanged
     BUG_BELL_FIRST       the bell is looked at before the word is added to
     BUG_WORDS_AFTER_SCAN a Waiter remembers the words after having scanned
     BUG_LATE_DRAIN       a Waiter empties its FIFO after having armed
     BUG_NO_TIME_OUT      a sleeper relies on its bit although the node died between clearing it and waking */

#ifndef DEATHS
#define DEATHS 0
#endif
#ifdef THREADS
#define NODE_OF(t) 0
#else
#define NODE_OF(t) (t)
#endif
#define SLEEPER 1
#define BIT(k) (2 << (k))

byte bell[2];     /* of each node */
bool fifo[2];     /* a byte is in FIFO k */

bool unseen[2];   /* topic r has moved since reader r looked at it */
bool holds[2];    /* reader r has loaded the word of node 0 and is going to compare it */
bool moved[2];    /* the word of node 0 has moved since */
bool asleep[2];   /* reader r, in the futex of node 0 */

bool unscanned[4];  /* topic t has moved since Waiter k scanned it, at 2 * k + t */
bool remembers[4];  /* Waiter k has loaded the word of node n and is going to compare it, at 2 * k + n */
bool turned[4];     /* the word of node n has moved since */
bool polling[2];    /* Waiter k, on its FIFO */

byte running[2];   /* publishing threads of each node */
byte deaths;
bool kill_node[2], kill_reader[2], kill_waiter[2];
bool died;         /* some node, once */

#ifdef BUG_NO_TIME_OUT
#define TIME_OUT(anything) false
#else
#define TIME_OUT(anything) (died && (anything))
#endif

inline StorePosition(t) {
  d_step {
    unseen[t] = t < READERS && !kill_reader[t];
    unscanned[t] = WAITERS > 0 && !kill_waiter[0];
    unscanned[2 + t] = WAITERS > 1 && !kill_waiter[1]
  }
}

inline AddToWord(n) {
  d_step {
    if :: n == 0 -> moved[0] = holds[0]; moved[1] = holds[1] :: else fi;
    turned[n] = remembers[n];
    turned[2 + n] = remembers[2 + n]
  }
}

proctype Publisher(byte t) {
  byte b;
  {
    do
    :: b == 0 ->
#ifdef BUG_BELL_FIRST
       b = bell[NODE_OF(t)];
#endif
       StorePosition(t);
       AddToWord(NODE_OF(t));
#ifndef BUG_BELL_FIRST
       b = bell[NODE_OF(t)];
#endif
       if
       :: b == 0 -> skip
       :: else ->
#ifdef BUG_PLAIN_CLEAR
          bell[NODE_OF(t)] = 0;
#else
          d_step { b = bell[NODE_OF(t)]; bell[NODE_OF(t)] = 0 };
#endif
          if
          :: b & SLEEPER ->
#ifndef BUG_NO_SECOND_ADD
             AddToWord(NODE_OF(t));
#endif
             d_step { if :: NODE_OF(t) == 0 -> asleep[0] = false; asleep[1] = false :: else fi }
          :: else
          fi;
          if :: b & BIT(0) -> fifo[0] = true :: else fi;
          if :: b & BIT(1) -> fifo[1] = true :: else fi;
          b = 0
       fi
    :: break
    od
  } unless { kill_node[NODE_OF(t)] };
  running[NODE_OF(t)]--
}

proctype Reader(byte r) {
  {
    do
    :: d_step { unseen[r] -> unseen[r] = false }
    :: else ->
#ifndef BUG_LATE_LOAD
       holds[r] = true;
#endif
       bell[0] = bell[0] | SLEEPER;
       if
       :: unseen[r] -> d_step { holds[r] = false; moved[r] = false }
       :: else ->
#ifdef BUG_LATE_LOAD
          holds[r] = true;
#endif
          /* FUTEX_WAIT compares the word and goes to sleep in one step. */
          d_step { asleep[r] = !moved[r]; holds[r] = false; moved[r] = false };
end_sleep: d_step { !asleep[r] || TIME_OUT(unseen[r]) -> asleep[r] = false }
       fi
    od
  } unless { kill_reader[r] };
  d_step { asleep[r] = false; unseen[r] = false; holds[r] = false; moved[r] = false }
}

#ifdef THREADS
#define Twice(what) what(0)
#else
#define Twice(what) what(0); what(1)
#endif
#define LoadWord(n) remembers[2 * k + n] = true
#define Scan(t) unscanned[2 * k + t] = false
#define Arm(n) bell[n] = bell[n] | BIT(k)

inline Forget() {
  remembers[2 * k] = false;
  remembers[2 * k + 1] = false;
  turned[2 * k] = false;
  turned[2 * k + 1] = false
}

proctype Waiter(byte k) {
  {
    do
    :: fifo[k] = false;
#ifndef BUG_WORDS_AFTER_SCAN
       Twice(LoadWord);
#endif
       Scan(0);
       Scan(1);
#ifdef BUG_WORDS_AFTER_SCAN
       Twice(LoadWord);
#endif
#ifndef BUG_LATE_ARM
       Twice(Arm);
#endif
#ifdef BUG_LATE_DRAIN
       fifo[k] = false;
#endif
       if
       :: turned[2 * k] -> skip
       :: else ->
          if
          :: turned[2 * k + 1] -> skip
          :: else ->
#ifdef BUG_LATE_ARM
             Twice(Arm);
#endif
             d_step { polling[k] = true; Forget() };
end_poll:    d_step { fifo[k] || TIME_OUT(unscanned[2 * k] || unscanned[2 * k + 1]) -> polling[k] = false }
          fi
       fi;
       d_step { Forget() }
    od
  } unless { kill_waiter[k] };
  d_step { polling[k] = false; Forget(); fifo[k] = false; unscanned[2 * k] = false; unscanned[2 * k + 1] = false }
}

inline StartNode(n) {
  kill_node[n] = false;
#ifdef THREADS
  running[n] = THREADS;
  run Publisher(0);
  if :: THREADS > 1 -> run Publisher(1) :: else fi
#else
  running[n] = 1;
  run Publisher(n)
#endif
}

inline KillNode(n) {
  atomic { running[n] != 0 -> kill_node[n] = true; died = true; deaths++ };
  atomic { running[n] == 0 -> StartNode(n) }
}

proctype Death() {
end:
  do
  :: deaths < DEATHS ->
     if
     :: d_step { READERS > 0 && !kill_reader[0] -> kill_reader[0] = true; deaths++ }
     :: d_step { READERS > 1 && !kill_reader[1] -> kill_reader[1] = true; deaths++ }
     :: d_step { WAITERS > 0 && !kill_waiter[0] -> kill_waiter[0] = true; deaths++ }
     :: d_step { WAITERS > 1 && !kill_waiter[1] -> kill_waiter[1] = true; deaths++ }
     :: KillNode(0)
#ifndef THREADS
     :: KillNode(1)
#endif
     fi
  od
}

proctype End() {
  timeout;
  assert(!(asleep[0] && unseen[0]));
  assert(!(asleep[1] && unseen[1]));
  assert(!(polling[0] && (unscanned[0] || unscanned[1])));
  assert(!(polling[1] && (unscanned[2] || unscanned[3])))
}

init {
  atomic {
    StartNode(0);
#ifndef THREADS
    StartNode(1);
#endif
    if :: READERS > 0 -> run Reader(0) :: else fi;
    if :: READERS > 1 -> run Reader(1) :: else fi;
    if :: WAITERS > 0 -> run Waiter(0) :: else fi;
    if :: WAITERS > 1 -> run Waiter(1) :: else fi;
    if :: DEATHS > 0 -> run Death() :: else fi;
    run End()
  }
}
