# How SAM builds a function: it runs `make --makefile build/<architecture>/Makefile build-<LogicalId>` in the root of the
# project with ARTIFACTS_DIR set. build-BookingFunction compiles functions/booking, and so on.
#
# Nothing of the caller's environment reaches the compiler's result: the same source gives the same bytes everywhere.
# lambda.norpc leaves out the RPC entry point of the retired go1.x runtime; -s -w halves the size. Stack traces stay.

FLAGS := -mod=readonly -buildvcs=false -trimpath -tags lambda.norpc -ldflags "-s -w"

# FUNCTION_GOOS is set by `hail dev` alone: the emulator runs functions as processes of this machine.
.PHONY: build-%Function
build-%Function:
	@test -n "$(ARTIFACTS_DIR)" || { echo "build-$*Function is run by sam build (try: make build)" >&2; exit 2; }
	CGO_ENABLED=0 GOOS=$(or $(FUNCTION_GOOS),linux) GOARCH=$(GOARCH) GOAMD64=v1 GOARM64=v8.0 GOEXPERIMENT= GOFLAGS= \
		go build $(FLAGS) -o "$(ARTIFACTS_DIR)/bootstrap" ./functions/$(shell echo $* | tr A-Z a-z)
