/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A topic's name that may contain fields of the event: `netaudit.%{event.dataset}`. What a name may
 * not hold becomes `_`; a field that the event has not, or that is empty, is `none`.
 */
#ifndef NA_KAFKA_TEMPLATE_H
#define NA_KAFKA_TEMPLATE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "event.h"
#include "output.h"

#define NA_KAFKA_TOPIC_MAX 249 /* Kafka's */

struct na_kafka_template;

/* `text` outlives it. 0; -ENOMEM; -EINVAL: `why` says what is wrong and where. */
int na_kafka_template_parse(struct na_text text, struct na_kafka_template **ret_template,
			    struct na_buffer *why);

/* NULL is fine. */
void na_kafka_template_free(struct na_kafka_template *template);

/* Without fields: always the same name. */
bool na_kafka_template_is_fixed(const struct na_kafka_template *template);

/* Those that it contains. */
void na_kafka_template_fields(const struct na_kafka_template *template, na_output_take_field *take,
			      void *context);

/* The name, with a NUL behind; cut where it would be too long. */
void na_kafka_template_expand(const struct na_kafka_template *template,
			      const struct na_event *event, char ret_name[NA_KAFKA_TOPIC_MAX + 1]);

#endif
