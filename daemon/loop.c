// SPDX-License-Identifier: GPL-2.0-only
#include "loop.h"

#include "base/clock.h"

static int dispatch(sd_event *event, struct loop_times *times)
{
	uint64_t start = clock__now(), took;
	int err = sd_event_dispatch(event);

	took = clock__now() - start;
	if (took > times->longest_ns)
		times->longest_ns = took;
	times->over += took > LOOP_LONG_NS;
	return err;
}

int loop__run(sd_event *event, struct loop_times *times)
{
	int code, err;

	while (sd_event_get_state(event) != SD_EVENT_FINISHED) {
		err = sd_event_prepare(event);
		if (!err)
			err = sd_event_wait(event, UINT64_MAX);
		if (err > 0)
			err = dispatch(event, times);
		if (err < 0)
			return err;
	}
	err = sd_event_get_exit_code(event, &code);
	return err < 0 ? err : code;
}
