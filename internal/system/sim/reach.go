package sim

// Probe names a place that a simulation should get to. A suite of runs that never
// gets there proves nothing about it, and fails.
type Probe string

// The probes, all of them: World.reach refuses every other.
const (
	appendFoundItsCommand Probe = "an append found its own command, stored by an earlier request"
	appendLostARace       Probe = "an append lost a race and was decided again"
	appendWasLostAfter    Probe = "an append was stored and its answer lost"
	appendCameLate        Probe = "an append arrived after its caller had given up, and was stored"
	ownWriteCameTwice     Probe = "the client library repeated an append that had been stored"
	transactionsMet       Probe = "two transactions met at a lease"
	plainWriteMetOne      Probe = "a plain append met a transaction"
	driverWasBusy         Probe = "a driver was on another ride"

	functionCrashed   Probe = "a function crashed between two steps"
	functionTimedOut  Probe = "a function ran out of time"
	frozenAndResumed  Probe = "a function was frozen and went on"
	crashAfterAppend  Probe = "a function crashed after its append and before its answer"
	visibilityExpired Probe = "a message became visible while it was being handled"

	olderSchemaWasWritten Probe = "a release wrote an older schema beside one that writes the newer"
	newerFormWasMet       Probe = "a release met a view in a form that only a newer one knows"
	newerSchemaWasMet     Probe = "a release met a schema that only a newer one knows"

	messageFailed        Probe = "a message failed and stayed"
	messageCameAgain     Probe = "a message was received again"
	messageWasDuplicated Probe = "a message was delivered twice"
	messageWentDead      Probe = "a message went to the dead letters"
	deadLetterCameBack   Probe = "a dead letter was redriven"
	sendFailedInPart     Probe = "a batch was sent in part"

	streamWasReordered Probe = "the stream showed commits out of order"
	streamWasRewound   Probe = "the stream showed commits again"
	relayTriedAgain    Probe = "the relay failed and was shown the same records again"
	recordWasLost      Probe = "the stream lost a record after a day"
	recordWasKept      Probe = "a record of the stream that cannot be read was kept"
	entryWasRefused    Probe = "the event bus refused an entry of several"
	publishedTwice     Probe = "an event was published twice"
	publisherCaughtUp  Probe = "the publisher caught up after an outage of the event bus"
	eventWasLost       Probe = "the stream lost a record that the event bus had not taken"

	listHadPages     Probe = "a list was read over several pages"
	pageWasShort     Probe = "a list came in shorter pages than were asked for"
	viewWasNewer     Probe = "a projection found a newer view"
	viewWasStale     Probe = "a view was read that was not the latest"
	viewStoreWasAway Probe = "a booking was read while the views were away"

	healthWithoutStore       Probe = "/health was asked without the breaker's store"
	healthWasDegraded        Probe = "/health said that payments wait"
	breakerOpened            Probe = "the breaker opened"
	burstOpenedIt            Probe = "the breaker opened at the third call in its window"
	breakerClosed            Probe = "the breaker closed after its probes"
	breakerReopened          Probe = "a probe failed and the breaker opened again"
	breakerWasOverruled      Probe = "an operator overruled the breaker"
	breakerStoreFailed       Probe = "an operation on the breaker's record failed"
	callWithoutBreakersStore Probe = "a call was made without the breaker's store"
	callWasRefused           Probe = "a call was refused by the breaker"
	probeWasLost             Probe = "a prober crashed"
	probeCameLate            Probe = "a probe ended after its lease"
	staleChangeRefused       Probe = "a change of the breaker came late and did nothing"
	staleReportRefused       Probe = "a report to the breaker came late and did nothing"

	workWasPutOff      Probe = "payment work was put off"
	messageWasSetAside Probe = "a message that kept coming was set aside"
	workCameBack       Probe = "payment work was brought back"
	itemWasDone        Probe = "an item was deleted whose booking owed nothing"
	itemHadChanged     Probe = "the sweeper met an item that had changed"
	debtWasFound       Probe = "the sweeper found a payment owed, and nobody at it"
	viewWasMissed      Probe = "the sweeper found a view behind, or missing"

	viewWasMended         Probe = "a view was mended"
	heldForDays           Probe = "a rebuild was held for days"
	auditMended           Probe = "an audit mended a view"
	projectionWasSwitched Probe = "a new projection was read"
	rebuildWasAborted     Probe = "a rebuild was aborted"
	sliceGoesOn           Probe = "a walk went on in another slice"
	workerWasFenced       Probe = "a worker met another one at its segment"

	requestWasReplayed    Probe = "a request was answered as a replay"
	keyWasReused          Probe = "a key was refused that had been used for another request"
	versionMismatched     Probe = "a command was refused for its If-Match"
	foreignWasHidden      Probe = "a booking of another rider was not found"
	namesakeWasHidden     Probe = "a booking of a rider with the same subject was not found"
	oldRequestWasShown    Probe = "a booking of the first schema was shown"
	commandWasTooLate     Probe = "a command was refused in this state"
	doubledKeyWasRefused  Probe = "a key was refused that a proxy had doubled"
	requestRaced          Probe = "a request raced a copy of itself"
	clientGaveUp          Probe = "a client gave up without an answer"
	answerWasUnavailable  Probe = "a request was answered with 503"
	writtenThoughUnknown  Probe = "a write answered with 503 had been stored"
	historyHadPages       Probe = "a history was read page by page"
	nothingWasModified    Probe = "a read was answered with 304"
	worldWasCalm          Probe = "nothing went wrong in a world"
	requestWasMalformed   Probe = "a malformed request was refused"
	fareWasQuoted         Probe = "a fare was quoted"
	oneVersionWasRead     Probe = "a booking was read as it was at a version"
	cancellationCostAFee  Probe = "a cancellation cost a fee"
	bookingWasAborted     Probe = "a booking was aborted by ops"
	riderDidNotShowUp     Probe = "a booking ended as a no-show"
	driverWasTakenOff     Probe = "a driver was taken off and the booking assigned again"
	bookingExpired        Probe = "a booking expired"
	rideWasCompleted      Probe = "a ride was completed and captured"
	paymentWasDeclined    Probe = "a payment was declined"
	owedWasDeclined       Probe = "a card was declined for an amount that is owed"
	wrongAnswerRefused    Probe = "an answer of the provider did not fit what was asked"
	paymentWasAbandoned   Probe = "a payment was abandoned"
	holdWasVoided         Probe = "a hold was released"
	authorizedAfterTheEnd Probe = "an authorization was recorded after its booking had ended"
	twoObjectsWereMade    Probe = "two payment objects were made for one booking"
	holdLapsed            Probe = "a hold lapsed before it was captured"
	attemptWasSpent       Probe = "a group of attempts was spent"
	keyWasForgotten       Probe = "a call was repeated a day later, when its key was forgotten"
	refundWasMade         Probe = "a refund was made"
	refundFailedLate      Probe = "a refund failed after it had been made"
	handWasLearned        Probe = "a refund that was made by hand was learned of"
	disputeWasLearned     Probe = "a dispute was learned of"
	noticeFoundBooking    Probe = "the booking was found that a webhook did not name"
	webhookWasTaken       Probe = "a webhook was taken"
	webhookWasRefused     Probe = "a webhook was refused for its signature"
	paymentWasRetried     Probe = "a failed payment was taken up again"
	clocksDisagreed       Probe = "a commit was recorded before its predecessor, by the clocks"
)

// Probes returns every probe there is.
func Probes() []Probe {
	return []Probe{
		appendFoundItsCommand, appendLostARace, appendWasLostAfter, appendCameLate, ownWriteCameTwice, transactionsMet, plainWriteMetOne, driverWasBusy,
		functionCrashed, functionTimedOut, frozenAndResumed, crashAfterAppend, visibilityExpired,
		olderSchemaWasWritten, newerSchemaWasMet, newerFormWasMet,
		messageFailed, messageCameAgain, messageWasDuplicated, messageWentDead, deadLetterCameBack, sendFailedInPart,
		streamWasReordered, streamWasRewound, relayTriedAgain, recordWasLost, recordWasKept,
		entryWasRefused, publishedTwice, publisherCaughtUp, eventWasLost,
		listHadPages, pageWasShort, viewWasNewer, viewWasStale, viewStoreWasAway,
		healthWithoutStore, healthWasDegraded, breakerOpened, burstOpenedIt, breakerClosed, breakerReopened, breakerWasOverruled, breakerStoreFailed, callWithoutBreakersStore, callWasRefused,
		probeWasLost, probeCameLate, staleChangeRefused, staleReportRefused,
		workWasPutOff, messageWasSetAside, workCameBack, itemWasDone, itemHadChanged, debtWasFound, viewWasMissed,
		viewWasMended, auditMended, heldForDays, projectionWasSwitched, rebuildWasAborted, sliceGoesOn, workerWasFenced,
		requestWasReplayed, keyWasReused, versionMismatched, foreignWasHidden, namesakeWasHidden, oldRequestWasShown, commandWasTooLate, doubledKeyWasRefused, requestRaced, clientGaveUp,
		answerWasUnavailable, writtenThoughUnknown, historyHadPages, nothingWasModified,
		worldWasCalm, requestWasMalformed, fareWasQuoted, oneVersionWasRead,
		cancellationCostAFee, bookingWasAborted, riderDidNotShowUp, driverWasTakenOff, bookingExpired, rideWasCompleted,
		paymentWasDeclined, owedWasDeclined, wrongAnswerRefused, paymentWasAbandoned, holdWasVoided, authorizedAfterTheEnd, twoObjectsWereMade, holdLapsed, paymentWasRetried, clocksDisagreed,
		attemptWasSpent, keyWasForgotten, refundWasMade, refundFailedLate, handWasLearned, disputeWasLearned, noticeFoundBooking, webhookWasTaken, webhookWasRefused,
	}
}

// reach notes that a place was reached.
func (w *World) reach(p Probe) {
	w.result.Reached[p] = true
	if w.calm && troubles[p] {
		w.fail(quietRule, "", "%s", p)
	}
}
