; What the program prints is the same with every collector.

(define (map f l) (if (null? l) '() (cons (f (car l)) (map f (cdr l)))))
(define (fold f z l) (if (null? l) z (fold f (f z (car l)) (cdr l))))
(define (filter f l)
  (if (null? l) '() (if (f (car l)) (cons (car l) (filter f (cdr l))) (filter f (cdr l)))))
(define (range from to) (if (< from to) (cons from (range (+ from 1) to)) '()))
(define (reverse l) (fold (lambda (done x) (cons x done)) '() l))
(define (length l) (fold (lambda (n x) (+ n 1)) 0 l))
(define (nth l n) (if (= n 0) (car l) (nth (cdr l) (- n 1))))

(print "squares" (map (lambda (n) (* n n)) (range 0 10)))
(print "deep" (fold + 0 (range 0 5000)))

; Primes, by a closure that knows those before.
(define (divides? n) (lambda (d) (= 0 (remainder n d))))
(define (sieve found l)
  (if (null? l)
      (reverse found)
      (sieve (cons (car l) found) (filter (lambda (n) (not ((divides? n) (car l)))) (cdr l)))))
(print "primes" (sieve '() (range 2 60)))

; Queens: lists that come and go.
(define (safe? row distance placed)
  (if (null? placed)
      #t
      (and (not (= (car placed) row))
           (not (= (car placed) (+ row distance)))
           (not (= (car placed) (- row distance)))
           (safe? row (+ distance 1) (cdr placed)))))
(define (queens n placed)
  (if (= (length placed) n)
      1
      (fold (lambda (sum row) (+ sum (if (safe? row 1 placed) (queens n (cons row placed)) 0)))
            0 (range 0 n))))
(print "queens" (map (lambda (n) (queens n '())) (range 1 7)))

; Sorting in place.
(define (insert! x l)
  (if (null? l)
      (list x)
      (if (< x (car l)) (cons x l) (begin (set-cdr! l (insert! x (cdr l))) l))))
(define (random seed) (remainder (+ (* seed 1103515245) 12345) 2147483648))
(define (randoms n seed) (if (= n 0) '() (cons (remainder seed 1000) (randoms (- n 1) (random seed)))))
(print "sorted" (fold (lambda (l x) (insert! x l)) '() (randoms 30 42)))

; A cycle.
(define ring (list 1 2 3))
(set-cdr! (cdr (cdr ring)) ring)
(print "ring" (nth ring 100) ring)

; Tables count words.
(define counts (table))
(define (count! word) (table-set! counts word (+ 1 (table-get counts word 0))))
(map count! '(the cat and the dog and the bird))
(print "words" (table-list counts) counts)

; Closures own variables.
(define (account balance)
  (lambda (change) (begin (set! balance (+ balance change)) balance)))
(define mine (account 100))
(define yours (account 5))
(mine -30)
(yours 10)
(print "accounts" (mine 0) (yours 0))

; Objects of the host.
(define ticket (counter))
(send ticket 'next)
(send ticket 'next)
(define line (queue))
(send line 'push 'anna (list 'bert 2) (lambda (x) x))
(print "objects" ticket line (send ticket 'next) (send line 'length) (send line 'pop) (send line 'all))

; Weak boxes.
(define kept (list 'kept))
(define boxes (map weak (list kept (list 'lost))))
(print "before" (map (lambda (box) (pair? (weak-get box))) boxes))
(collect)
(print "after" (map weak-get boxes))

; Events: functions that only the host holds.
(define log '())
(define (note! what) (set! log (cons what log)))
(let ((times 0))
  (on 'tick (lambda () (begin (set! times (+ times 1)) (note! (append "tick " times))))))
(on 'tick (lambda () (note! "tock")))
(emit 'tick)
(collect)
(emit 'tick)
(off 'tick)
(collect)
(emit 'tick)
(print "log" (reverse log))

; Work.
(define (build depth) (if (= depth 0) '() (list (build (- depth 1)) (build (- depth 1)))))
(define (nodes tree) (if (null? tree) 1 (+ 1 (nodes (car tree)) (nodes (car (cdr tree))))))
(define (churn rounds sum) (if (= rounds 0) sum (churn (- rounds 1) (+ sum (nodes (build 8))))))
(print "trees" (churn 40 0))

; Mistakes.
(car 5)
(undefined-function 1 2)
((lambda (x) x))
(send ticket 'fly)
(print "still here")
