/*
 * Objects as Stripe sends them, cut down to what is read, and the facts that
 * come out, as one line: unknown ones are not in it. A ' stands for a ".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "stripe/stripe_facts.h"
#include "unit.h"

static struct arena *arena;
static struct stripe_facts facts;

/* set_up - an arena for every test */
static void
set_up(void)
{
	arena = arena_new(4 << 20);
	stripe_facts_clear(&facts);
}

/* tear_down - everything goes with the arena */
static void
tear_down(void)
{
	arena_free(arena);
}

/* object - or another value, from a text; NULL stays NULL */
static json_object *
object(const char *text)
{
	json_object *parsed;
	char *copy;

	if (text == NULL)
		return NULL;
	copy = arena_printf(arena, "[%s]", text);
	for (char *c = copy; (c = strchr(c, '\'')) != NULL;)
		*c = '"';
	ck_assert_msg(json_parse(arena, copy, strlen(copy), &parsed) == RC_OK,
	    "%s", copy);
	return json_object_array_get_idx(parsed, 0);
}

/* add_text - " name=value" when there is one */
static void
add_text(FILE *out, const char *name, const char *value)
{
	if (value != NULL)
		fprintf(out, " %s=%s", name, value);
}

/* add_number - " name=value" when it is known */
static void
add_number(FILE *out, const char *name, int64_t value)
{
	if (value != -1)
		fprintf(out, " %s=%" PRId64, name, value);
}

/* add_json - " name=value" of a list or an object of the document */
static void
add_json(FILE *out, const char *name)
{
	json_object *document = stripe_facts_json(&facts);
	json_object *value = json_member(document, name);
	const char *text = json_object_to_json_string_ext(
	    value, JSON_C_TO_STRING_PLAIN);

	if (value != NULL && strcmp(text, "[]") != 0) {
		fprintf(out, " %s=", name);
		for (; *text != '\0'; text++)
			fputc(*text == '"' ? '\'' : *text, out);
	}
	json_object_put(document);
}

/* described - the facts as one line */
static const char *
described(void)
{
	static char line[2048];
	FILE *out = fmemopen(line, sizeof line, "w");

	add_text(out, "fact", facts.fact);
	add_text(out, "customer", facts.customer);
	add_text(out, "subscription", facts.subscription);
	add_text(out, "reference", facts.reference);
	add_text(out, "email", facts.email);
	add_text(out, "status", facts.status);
	add_json(out, "previous");
	if (facts.rank != RANK_CREATED)
		fprintf(out, " rank=%d", (int)facts.rank);
	add_json(out, "metadata");
	add_json(out, "items");
	add_number(out, "start", facts.period_start_s);
	add_number(out, "end", facts.period_end_s);
	add_number(out, "trial", facts.trial_end_s);
	if (facts.cancel_scheduled)
		fputs(" cancel", out);
	if (facts.cancel_at_s != -1)
		fprintf(out, "=%" PRId64, facts.cancel_at_s);
	fputc('\0', out);
	fclose(out);
	return line[0] == ' ' ? line + 1 : line;
}

#define SUB "'id':'sub_1','customer':'cus_1','status':'active'"
#define ACTIVE "customer=cus_1 subscription=sub_1 status=active"
#define ITEMS(items) "{" SUB ",'items':{'object':'list','data':[" items "]}}"
#define MONTHLY "'price':{'id':'price_pm','recurring':{'interval':'month'}}"
#define OTHER(interval) \
	"'price':{'id':'price_x','recurring':{'interval':'" interval "'}}"

static const struct {
	const char *object, *facts;
} subscriptions[] = {
	{ "{" SUB "}", ACTIVE },
	/* since 2025-03-31 periods stand on the items */
	{ ITEMS("{" MONTHLY ",'quantity':3,'current_period_start':100,"
		"'current_period_end':200}"),
	    ACTIVE
	    " items=[{'price':'price_pm','interval':'month','quantity':3,'start':'1970-01-01T00:01:40Z','end':'1970-01-01T00:03:20Z'}] start=100 end=200" },
	/* before, on the subscription */
	{ "{" SUB ",'quantity':3,'current_period_start':100,"
	  "'current_period_end':200,'items':{'data':[{" MONTHLY "}]}}",
	    ACTIVE
	    " items=[{'price':'price_pm','interval':'month','quantity':3}] start=100 end=200" },
	/* both: the items' count */
	{ "{" SUB ",'current_period_start':1,'current_period_end':999,"
	  "'items':{'data':[{'current_period_start':100,"
	  "'current_period_end':200}]}}",
	    ACTIVE
	    " items=[{'start':'1970-01-01T00:01:40Z','end':'1970-01-01T00:03:20Z'}] start=100 end=200" },
	{ "{" SUB ",'current_period_start':100,'current_period_end':200,"
	  "'items':{'data':[{'current_period_start':null,"
	  "'current_period_end':null}]}}",
	    ACTIVE " items=[{}] start=100 end=200" },
	/* the end is the latest end, the start is that item's */
	{ ITEMS("{'current_period_start':100,'current_period_end':200},"
		"{'current_period_start':50,'current_period_end':900},"
		"{'current_period_start':150,'current_period_end':300}"),
	    ACTIVE
	    " items=[{'start':'1970-01-01T00:01:40Z','end':'1970-01-01T00:03:20Z'},{'start':'1970-01-01T00:00:50Z','end':'1970-01-01T00:15:00Z'},{'start':'1970-01-01T00:02:30Z','end':'1970-01-01T00:05:00Z'}] start=50 end=900" },
	{ ITEMS("{'current_period_start':50,'current_period_end':900},"
		"{'current_period_start':100,'current_period_end':200}"),
	    ACTIVE
	    " items=[{'start':'1970-01-01T00:00:50Z','end':'1970-01-01T00:15:00Z'},{'start':'1970-01-01T00:01:40Z','end':'1970-01-01T00:03:20Z'}] start=50 end=900" },
	{ ITEMS("{'current_period_start':50,'current_period_end':900},"
		"{'current_period_start':60,'current_period_end':900}"),
	    ACTIVE
	    " items=[{'start':'1970-01-01T00:00:50Z','end':'1970-01-01T00:15:00Z'},{'start':'1970-01-01T00:01:00Z','end':'1970-01-01T00:15:00Z'}] start=50 end=900" },
	{ ITEMS("{'current_period_end':900},"
		"{'current_period_start':100,'current_period_end':200}"),
	    ACTIVE
	    " items=[{'end':'1970-01-01T00:15:00Z'},{'start':'1970-01-01T00:01:40Z','end':'1970-01-01T00:03:20Z'}] end=900" },
	{ ITEMS("{'current_period_start':0,'current_period_end':0}"),
	    ACTIVE
	    " items=[{'start':'1970-01-01T00:00:00Z','end':'1970-01-01T00:00:00Z'}] start=0 end=0" },
	{ ITEMS("{'current_period_end':253402300799}"),
	    ACTIVE " items=[{'end':'9999-12-31T23:59:59Z'}] end=253402300799" },
	/* the catalog's item is the one that is sold, wherever it stands */
	{ ITEMS("{" OTHER("month") ",'quantity':9},"
				   "{'price':{'id':'price_ta'},'quantity':4}"),
	    ACTIVE
	    " items=[{'price':'price_x','interval':'month','quantity':9},{'price':'price_ta','quantity':4}]" },
	{ ITEMS("{'price':{'id':'price_pa'},'quantity':1},"
		"{'price':{'id':'price_ta'},'quantity':2}"),
	    ACTIVE
	    " items=[{'price':'price_pa','quantity':1},{'price':'price_ta','quantity':2}]" },
	/* none is in the catalog: the first, and how often it is charged */
	{ ITEMS("{" OTHER("month") ",'quantity':1},"
				   "{" OTHER("year") ",'quantity':2}"),
	    ACTIVE
	    " items=[{'price':'price_x','interval':'month','quantity':1},{'price':'price_x','interval':'year','quantity':2}]" },
	{ ITEMS("{" OTHER("year") "}"),
	    ACTIVE " items=[{'price':'price_x','interval':'year'}]" },
	{ ITEMS("{" OTHER("week") "}"),
	    ACTIVE " items=[{'price':'price_x','interval':'week'}]" },
	{ ITEMS("{" OTHER("day") "}"),
	    ACTIVE " items=[{'price':'price_x','interval':'day'}]" },
	{ ITEMS("{'price':{'id':'price_x','recurring':null}}"),
	    ACTIVE " items=[{'price':'price_x'}]" },
	{ ITEMS("{'price':{'id':'price_x','recurring':{'interval':5}}}"),
	    ACTIVE " items=[{'price':'price_x'}]" },
	/* a price is an object, an id, or in old shapes a plan */
	{ ITEMS("{'price':'price_pm'}"),
	    ACTIVE " items=[{'price':'price_pm'}]" },
	{ ITEMS("{'plan':{'id':'price_pa','interval':'year'}}"),
	    ACTIVE " items=[{'price':'price_pa','interval':'year'}]" },
	{ ITEMS("{'plan':{'id':'gold','interval':'month'}}"),
	    ACTIVE " items=[{'price':'gold','interval':'month'}]" },
	{ ITEMS("{'price':{'id':'price_pm'},'plan':{'id':'price_pa'}}"),
	    ACTIVE " items=[{'price':'price_pm'}]" },
	{ ITEMS("{'price':null,'plan':null}"), ACTIVE " items=[{}]" },
	{ ITEMS("{'price':5}"), ACTIVE " items=[{}]" },
	/* our own metadata say what was sold */
	{ "{" SUB ",'metadata':{'plan':'gold','period':'weekly'},"
	  "'items':{'data':[{" MONTHLY "}]}}",
	    ACTIVE
	    " metadata={'plan':'gold','period':'weekly'} items=[{'price':'price_pm','interval':'month'}]" },
	{ "{" SUB ",'metadata':{'plan':'gold'},"
	  "'items':{'data':[{" MONTHLY "}]}}",
	    ACTIVE
	    " metadata={'plan':'gold'} items=[{'price':'price_pm','interval':'month'}]" },
	{ "{" SUB ",'metadata':{'plan':'','period':null},"
	  "'items':{'data':[{" MONTHLY "}]}}",
	    ACTIVE
	    " metadata={'plan':'','period':null} items=[{'price':'price_pm','interval':'month'}]" },
	{ "{" SUB ",'metadata':{'plan':5,'period':{}}}",
	    ACTIVE " metadata={'plan':5,'period':{}}" },
	{ "{" SUB ",'metadata':null}", ACTIVE },
	{ "{" SUB ",'metadata':'plan'}", ACTIVE },
	{ "{" SUB ",'metadata':[]}", ACTIVE },
	/* more of a price */
	{ ITEMS("{'price':{'id':'price_x','product':'prod_1','recurring':{"
		"'interval':'month','interval_count':3}}}"),
	    ACTIVE
	    " items=[{'price':'price_x','product':'prod_1','interval':'month','interval_count':3}]" },
	{ ITEMS("{'price':{'id':'price_x','product':{'id':'prod_1'}}}"),
	    ACTIVE " items=[{'price':'price_x','product':'prod_1'}]" },
	{ ITEMS("{'plan':{'id':'gold','product':'prod_1','interval':'year',"
		"'interval_count':1}}"),
	    ACTIVE
	    " items=[{'price':'gold','product':'prod_1','interval':'year','interval_count':1}]" },
	{ ITEMS("{'price':{'id':'price_x','recurring':{'interval':'month',"
		"'usage_type':'metered'}},'quantity':7}"),
	    ACTIVE " items=[{'price':'price_x','interval':'month'}]" },
	/* whose it is, is for the database to tell */
	{ "{" SUB ",'metadata':{'uid':'e','user_id':'d','external_id':'c',"
	  "'account_id':'b','account':'a'}}",
	    ACTIVE
	    " metadata={'uid':'e','user_id':'d','external_id':'c','account_id':'b','account':'a'}" },
	{ "{" SUB ",'metadata':{'uid':'e','user_id':'d','external_id':'c',"
	  "'account_id':'b','account':''}}",
	    ACTIVE
	    " metadata={'uid':'e','user_id':'d','external_id':'c','account_id':'b','account':''}" },
	{ "{" SUB ",'metadata':{'uid':'e','user_id':'d','external_id':'c'}}",
	    ACTIVE " metadata={'uid':'e','user_id':'d','external_id':'c'}" },
	{ "{" SUB ",'metadata':{'uid':'e','user_id':'d'}}",
	    ACTIVE " metadata={'uid':'e','user_id':'d'}" },
	{ "{" SUB ",'metadata':{'uid':'e'}}", ACTIVE " metadata={'uid':'e'}" },
	/* the end is scheduled one way or the other */
	{ "{" SUB ",'cancel_at_period_end':true,'cancel_at':null}",
	    ACTIVE " cancel" },
	{ "{" SUB ",'cancel_at_period_end':false,'cancel_at':300}",
	    ACTIVE " cancel=300" },
	{ "{" SUB ",'cancel_at_period_end':true,'cancel_at':300}",
	    ACTIVE " cancel=300" },
	{ "{" SUB ",'cancel_at_period_end':false,'cancel_at':null}", ACTIVE },
	{ "{" SUB ",'cancel_at_period_end':null}", ACTIVE },
	{ "{" SUB ",'cancel_at':300}", ACTIVE " cancel=300" },
	/* seats: the item's, else the subscription's */
	{ "{" SUB ",'quantity':9,'items':{'data':[{'quantity':2}]}}",
	    ACTIVE " items=[{'quantity':2}]" },
	{ "{" SUB ",'quantity':9,'items':{'data':[{'quantity':null}]}}",
	    ACTIVE " items=[{'quantity':9}]" },
	{ "{" SUB ",'quantity':9}", ACTIVE },
	{ "{" SUB ",'quantity':0}", ACTIVE },
	{ ITEMS("{'quantity':0}"), ACTIVE " items=[{'quantity':0}]" },
	{ ITEMS("{'quantity':2147483647}"),
	    ACTIVE " items=[{'quantity':2147483647}]" },
	/* the rest */
	{ "{" SUB ",'trial_end':150}", ACTIVE " trial=150" },
	{ "{" SUB ",'trial_end':null}", ACTIVE },
	{ "{'id':'sub_1','status':'trialing','customer':{'id':'cus_2',"
	  "'object':'customer','deleted':true}}",
	    "customer=cus_2 subscription=sub_1 status=trialing" },
	{ "{'id':'sub_1','status':'never seen','customer':null}",
	    "subscription=sub_1 status=never seen" },
	{ "{'id':'sub_1','status':'paused'}",
	    "subscription=sub_1 status=paused" },
	/* lists that are none */
	{ "{" SUB ",'items':null}", ACTIVE },
	{ "{" SUB ",'items':{}}", ACTIVE },
	{ "{" SUB ",'items':'x'}", ACTIVE },
	{ "{" SUB ",'items':{'data':null}}", ACTIVE },
	{ "{" SUB ",'items':{'data':{'0':{'quantity':1}}}}", ACTIVE },
	{ ITEMS(""), ACTIVE },
	{ ITEMS("null,5,'x',[]"), ACTIVE " items=[{},{},{},{}]" },
};

START_TEST(reads_subscriptions)
{
	const char *problem = NULL;

	ck_assert_int_eq(
	    stripe_facts_subscription(
		object(subscriptions[_i].object), NULL, &facts, &problem),
	    RC_OK);
	ck_assert_str_eq(described(), subscriptions[_i].facts);
	ck_assert_ptr_null(problem);
}

static const struct {
	const char *previous, *facts;
} previous[] = {
	{ "{'status':'trialing'}", " previous={'status':'trialing'}" },
	{ "{'status':null}", " previous={'status':null}" },
	{ "{'status':{'x':1}}", " previous={}" },
	{ "{'quantity':2,'cancel_at':5,'cancel_at_period_end':false,"
	  "'trial_end':null,'metadata':{'a':'b'}}",
	    " previous={'quantity':2,'cancel_at':5,'trial_end':null,"
	    "'cancel_scheduled':true}" },
	{ "{'cancel_at':null}",
	    " previous={'cancel_at':null,"
	    "'cancel_scheduled':false}" },
	{ "{'cancel_at_period_end':true}",
	    " previous={'cancel_scheduled':true}" },
	{ "{'pause_collection':null}",
	    " previous={'pause_behavior':null,"
	    "'pause_resumes_at':null}" },
	{ "{'pause_collection':{'behavior':'void','resumes_at':5}}",
	    " previous={'pause_behavior':'void','pause_resumes_at':5}" },
	{ "{'latest_invoice':'in_1','current_period_end':7}",
	    " previous={'latest_invoice':'in_1','period_end':7}" },
	{ "{'items':{'data':[{'price':{'id':'price_1'},'quantity':3}]}}",
	    " previous={'price':'price_1','quantity':3,"
	    "'items':[{'price':'price_1','quantity':3}]}" },
	{ "{'plan':{'id':'gold'}}", " previous={'price':'gold'}" },
	{ "{'items':{'data':[]}}", " previous={}" },
	{ "{}", " previous={}" },
	{ "[]", "" },
	{ NULL, "" },
};

START_TEST(reads_what_was_before)
{
	const char *problem;

	ck_assert_int_eq(stripe_facts_subscription(object("{" SUB "}"),
			     object(previous[_i].previous), &facts, &problem),
	    RC_OK);
	ck_assert_str_eq(described(),
	    arena_printf(arena, "%s%s", ACTIVE, previous[_i].facts));
}

START_TEST(what_is_deleted_needs_no_status)
{
	const char *problem;

	facts.rank = RANK_DELETED;
	ck_assert_int_eq(stripe_facts_subscription(
			     object("{'id':'sub_1'}"), NULL, &facts, &problem),
	    RC_OK);
	ck_assert_str_eq(facts.status, "canceled");
}

static const struct {
	const char *object, *facts;
} sessions[] = {
	{ "{'payment_status':'paid','customer':'cus_1','subscription':'sub_1',"
	  "'client_reference_id':'acc_1','customer_details':{'email':'a@b.c'},"
	  "'metadata':{'plan':'pro','period':'annual','account':'acc_2'}}",
	    "fact=checkout_paid customer=cus_1 subscription=sub_1 reference=acc_1 email=a@b.c metadata={'plan':'pro','period':'annual','account':'acc_2'}" },
	{ "{'payment_status':'no_payment_required'}", "fact=checkout_paid" },
	{ "{'payment_status':'unpaid'}", "fact=checkout_unpaid" },
	{ "{'payment_status':'never seen'}", "fact=checkout_unpaid" },
	{ "{'payment_status':'paid','customer':{'id':'cus_1'},"
	  "'subscription':{'id':'sub_1','object':'subscription'}}",
	    "fact=checkout_paid customer=cus_1 subscription=sub_1" },
	{ "{'payment_status':'paid','customer':null,'subscription':null,"
	  "'client_reference_id':null,'customer_details':null,"
	  "'customer_email':null,'metadata':null}",
	    "fact=checkout_paid" },
	{ "{'payment_status':'paid','client_reference_id':'',"
	  "'metadata':{'account_id':'acc_2'}}",
	    "fact=checkout_paid metadata={'account_id':'acc_2'}" },
	{ "{'payment_status':'paid','client_reference_id':5,"
	  "'metadata':{'uid':'acc_3','plan':''}}",
	    "fact=checkout_paid metadata={'uid':'acc_3','plan':''}" },
	{ "{'payment_status':'paid','customer_details':{'email':null},"
	  "'customer_email':'d@e.f'}",
	    "fact=checkout_paid email=d@e.f" },
	{ "{'payment_status':'paid','customer_details':{'email':'a@b.c'},"
	  "'customer_email':'d@e.f'}",
	    "fact=checkout_paid email=a@b.c" },
};

START_TEST(reads_checkout_sessions)
{
	const char *problem = NULL;

	ck_assert_int_eq(stripe_facts_checkout(
			     object(sessions[_i].object), &facts, &problem),
	    RC_OK);
	ck_assert_str_eq(described(), sessions[_i].facts);
	ck_assert_ptr_null(problem);
}

#define DETAILS(details) \
	"'parent':{'type':'subscription_details','subscription_details':{" details \
	"}}"

static const struct {
	const char *object, *facts;
} invoices[] = {
	/* since 2025-03-31 */
	{ "{'customer':'cus_1'," DETAILS(
	      "'subscription':'sub_1','metadata':{"
	      "'account':'acc_1'}") ","
				    "'customer_email':'a@b.c'}",
	    "customer=cus_1 subscription=sub_1 email=a@b.c metadata={'account':'acc_1'}" },
	{ "{" DETAILS("'subscription':{'id':'sub_1'}") "}",
	    "subscription=sub_1" },
	{ "{" DETAILS("'subscription':'sub_1','metadata':null") "}",
	    "subscription=sub_1" },
	/* before */
	{ "{'customer':{'id':'cus_1'},'subscription':'sub_1',"
	  "'subscription_details':{'metadata':{'user_id':'acc_1'}}}",
	    "customer=cus_1 subscription=sub_1 metadata={'user_id':'acc_1'}" },
	{ "{'subscription':{'id':'sub_1'}}", "subscription=sub_1" },
	/* both, and half of either */
	{ "{" DETAILS(
	      "'subscription':'sub_new','metadata':{'uid':'new'}") ","
								   "'subscription':'sub_old',"
								   "'subscription_details':{'metadata':{'uid':'old'}}}",
	    "subscription=sub_new metadata={'uid':'new'}" },
	{ "{" DETAILS("'subscription':null") ",'subscription':'sub_old'}",
	    "subscription=sub_old" },
	/* of no subscription */
	{ "{'customer':'cus_1','parent':null,'subscription':null}",
	    "customer=cus_1" },
	{ "{'customer':'cus_1','parent':{'type':'quote_details',"
	  "'quote_details':{'quote':'q'},'subscription_details':null}}",
	    "customer=cus_1" },
	{ "{'customer':'cus_1','parent':'sub_1','metadata':{'uid':'acc_1'},"
	  "'customer_email':5}",
	    "customer=cus_1" },
};

START_TEST(reads_invoices)
{
	const char *problem = NULL;

	ck_assert_int_eq(
	    stripe_facts_invoice(object(invoices[_i].object), &facts, &problem),
	    RC_OK);
	ck_assert_str_eq(described(), invoices[_i].facts);
	ck_assert_ptr_null(problem);
}

static const struct {
	const char *object, *facts;
} customers[] = {
	{ "{'id':'cus_1','email':'a@b.c','metadata':{'account':'acc_1'}}",
	    "customer=cus_1 email=a@b.c metadata={'account':'acc_1'}" },
	{ "{'id':'cus_1','email':null,'metadata':{}}",
	    "customer=cus_1 metadata={}" },
	{ "{'id':'cus_1','email':5,'metadata':5,'deleted':true}",
	    "customer=cus_1" },
};

START_TEST(reads_customers)
{
	const char *problem = NULL;

	ck_assert_int_eq(stripe_facts_customer(
			     object(customers[_i].object), &facts, &problem),
	    RC_OK);
	ck_assert_str_eq(described(), customers[_i].facts);
	ck_assert_ptr_null(problem);
}

enum kind {
	SUBSCRIPTION,
	SESSION,
	INVOICE,
	CUSTOMER
};

/* What is malformed, and the member that is said to be. */
static const struct {
	enum kind kind;
	const char *object, *problem;
} malformed[] = {
	{ SUBSCRIPTION, NULL, "subscription.id" },
	{ SUBSCRIPTION, "[]", "subscription.id" },
	{ SUBSCRIPTION, "{}", "subscription.id" },
	{ SUBSCRIPTION, "{'id':'','status':'active'}", "subscription.id" },
	{ SUBSCRIPTION, "{'id':5,'status':'active'}", "subscription.id" },
	{ SUBSCRIPTION, "{'id':'a\\u0000','status':'active'}",
	    "subscription.id" },
	{ SUBSCRIPTION, "{'id':'sub_1','status':'active','customer':5}",
	    "subscription.customer" },
	{ SUBSCRIPTION, "{'id':'sub_1','status':'active','customer':{}}",
	    "subscription.customer" },
	{ SUBSCRIPTION, "{'id':'sub_1'}", "subscription.status" },
	{ SUBSCRIPTION, "{'id':'sub_1','status':''}", "subscription.status" },
	{ SUBSCRIPTION, "{'id':'sub_1','status':true}", "subscription.status" },
	{ SUBSCRIPTION, "{" SUB ",'cancel_at_period_end':'true'}",
	    "subscription.cancel_at_period_end" },
	{ SUBSCRIPTION, "{" SUB ",'cancel_at_period_end':1}",
	    "subscription.cancel_at_period_end" },
	{ SUBSCRIPTION, "{" SUB ",'cancel_at':'soon'}",
	    "subscription.cancel_at" },
	{ SUBSCRIPTION, "{" SUB ",'cancel_at':false}",
	    "subscription.cancel_at" },
	{ SUBSCRIPTION, "{" SUB ",'trial_end':'now'}",
	    "subscription.trial_end" },
	{ SUBSCRIPTION, "{" SUB ",'trial_end':-1}", "subscription.trial_end" },
	{ SUBSCRIPTION, "{" SUB ",'trial_end':1e9}", "subscription.trial_end" },
	{ SUBSCRIPTION, "{" SUB ",'trial_end':253402300800}",
	    "subscription.trial_end" },
	{ SUBSCRIPTION, "{" SUB ",'trial_end':99999999999999999999}",
	    "subscription.trial_end" },
	{ SUBSCRIPTION, "{" SUB ",'current_period_end':'200'}",
	    "subscription.current_period_end" },
	{ SUBSCRIPTION, "{" SUB ",'current_period_start':200.5}",
	    "subscription.current_period_end" },
	{ SUBSCRIPTION, ITEMS("{},{'current_period_end':'200'}"),
	    "items.data[].current_period_end" },
	{ SUBSCRIPTION, ITEMS("{'current_period_start':-5}"),
	    "items.data[].current_period_end" },
	{ SUBSCRIPTION, ITEMS("{'quantity':'3'}"), "items.data[].quantity" },
	{ SUBSCRIPTION, ITEMS("{'quantity':1.5}"), "items.data[].quantity" },
	{ SUBSCRIPTION, ITEMS("{'quantity':-1}"), "items.data[].quantity" },
	{ SUBSCRIPTION, ITEMS("{'quantity':2147483648}"),
	    "items.data[].quantity" },
	{ SUBSCRIPTION, "{" SUB ",'quantity':[]}", "subscription.quantity" },
	{ SESSION, NULL, "data.object" },
	{ SESSION, "[]", "data.object" },
	{ SESSION, "'cs_1'", "data.object" },
	{ SESSION, "{'payment_status':1}", "session.payment_status" },
	{ SESSION, "{'payment_status':'paid','customer':1}",
	    "session.customer" },
	{ SESSION, "{'payment_status':'paid','subscription':{}}",
	    "session.subscription" },
	{ INVOICE, NULL, "data.object" },
	{ INVOICE, "{}", "invoice.subscription" },
	{ INVOICE, "{'parent':{},'customer':null}", "invoice.subscription" },
	{ INVOICE, "{'customer':[]}", "invoice.customer" },
	{ INVOICE, "{'subscription':5}", "invoice.subscription" },
	{ INVOICE, "{" DETAILS("'subscription':5") ",'subscription':'sub_1'}",
	    "invoice.subscription" },
	{ CUSTOMER, NULL, "customer.id" },
	{ CUSTOMER, "{}", "customer.id" },
	{ CUSTOMER, "{'id':''}", "customer.id" },
	{ CUSTOMER, "{'id':{'id':'cus_1'}}", "customer.id" },
};

START_TEST(names_what_is_malformed)
{
	json_object *wrong = object(malformed[_i].object);
	const char *problem = NULL;
	enum rc rc = RC_OK;

	switch (malformed[_i].kind) {
	case SUBSCRIPTION:
		rc = stripe_facts_subscription(wrong, NULL, &facts, &problem);
		break;
	case SESSION:
		rc = stripe_facts_checkout(wrong, &facts, &problem);
		break;
	case INVOICE:
		rc = stripe_facts_invoice(wrong, &facts, &problem);
		break;
	case CUSTOMER:
		rc = stripe_facts_customer(wrong, &facts, &problem);
		break;
	}
	ck_assert_int_eq(rc, RC_BAD_REQUEST);
	ck_assert_pstr_eq(problem, malformed[_i].problem);
}

/* Objects that are only recorded: nothing about them is an error. */
static const struct {
	const char *object, *facts;
} any[] = {
	{ "{'object':'charge','customer':'cus_1'}", "customer=cus_1" },
	{ "{'object':'dispute','customer':{'id':'cus_1'}}", "customer=cus_1" },
	{ "{'object':'customer','id':'cus_1','customer':'cus_2'}",
	    "customer=cus_1" },
	{ "{'object':'customer','id':5}", "" },
	{ "{'object':'subscription','id':'sub_1','customer':'cus_1',"
	  "'subscription':'sub_2'}",
	    "customer=cus_1 subscription=sub_1" },
	{ "{'object':'subscription','id':5,'customer':5}", "" },
	{ "{'object':'subscriptions','id':'sub_1'}", "" },
	{ "{'id':'sub_1'}", "" },
	{ "{'object':'invoice','customer':'cus_1','subscription':'sub_1'}",
	    "customer=cus_1 subscription=sub_1" },
	{ "{'object':'invoice'," DETAILS("'subscription':'sub_1'") "}",
	    "subscription=sub_1" },
	{ "{'customer':5,'subscription':[]}", "" },
	{ "{'object':5}", "" },
	{ "{}", "" },
	{ "[]", "" },
	{ "'cus_1' ", "" },
	{ NULL, "" },
};

START_TEST(reads_whose_anything_is)
{
	stripe_facts_any(object(any[_i].object), &facts);
	ck_assert_str_eq(described(), any[_i].facts);
}

START_TEST(nothing_is_known_at_first)
{
	memset(&facts, 0xa5, sizeof facts);
	stripe_facts_clear(&facts);
	ck_assert_str_eq(described(), "");
}

/* Facts of a session, a subscription that was fetched, both together. */
static const struct {
	const char *session, *fetched, *facts;
} completed[] = {
	{ "{'payment_status':'paid','customer':'cus_1','subscription':'sub_1',"
	  "'client_reference_id':'acc_1','customer_email':'a@b.c',"
	  "'metadata':{'plan':'gold','period':'weekly'}}",
	    "{'id':'sub_1','customer':'cus_2','status':'active','trial_end':5,"
	    "'cancel_at':9,'metadata':{'account':'acc_2'},'items':{'data':["
	    "{" MONTHLY ",'quantity':3,'current_period_start':100,"
	    "'current_period_end':200}]}}",
	    "fact=checkout_paid customer=cus_1 subscription=sub_1 reference=acc_1 email=a@b.c status=active rank=1 metadata={'plan':'gold','period':'weekly'} items=[{'price':'price_pm','interval':'month','quantity':3,'start':'1970-01-01T00:01:40Z','end':'1970-01-01T00:03:20Z'}] start=100 end=200 trial=5 cancel=9" },
	{ "{'payment_status':'paid','client_reference_id':'acc_1',"
	  "'metadata':{'uid':'acc_3'}}",
	    "{'id':'sub_1','status':'active','metadata':{'uid':'acc_2'}}",
	    "fact=checkout_paid subscription=sub_1 reference=acc_1 status=active rank=1 metadata={'uid':'acc_3'}" },
	{ "{'payment_status':'unpaid','subscription':'sub_1'}",
	    "{'id':'sub_1','customer':'cus_2','status':'incomplete',"
	    "'metadata':{'account':'acc_2'}}",
	    "fact=checkout_unpaid customer=cus_2 subscription=sub_1 status=incomplete rank=1 metadata={'account':'acc_2'}" },
	{ "{'payment_status':'paid','metadata':{'plan':'gold',"
	  "'period':'weekly'}}",
	    "{'id':'sub_1','status':'active'}",
	    "fact=checkout_paid subscription=sub_1 status=active rank=1 metadata={'plan':'gold','period':'weekly'}" },
};

START_TEST(a_snapshot_completes_a_session)
{
	struct stripe_facts fetched;
	const char *problem;

	stripe_facts_clear(&fetched);
	ck_assert_int_eq(
	    stripe_facts_subscription(
		object(completed[_i].fetched), NULL, &fetched, &problem),
	    RC_OK);
	ck_assert_int_eq(stripe_facts_checkout(
			     object(completed[_i].session), &facts, &problem),
	    RC_OK);
	facts.rank = RANK_FETCHED;
	stripe_facts_complete(&facts, &fetched);
	ck_assert_str_eq(described(), completed[_i].facts);
}

/* add - all tests */
static void
add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	unit_add_table(tests, reads_subscriptions, subscriptions);
	unit_add_table(tests, reads_what_was_before, previous);
	tcase_add_test(tests, what_is_deleted_needs_no_status);
	unit_add_table(tests, reads_checkout_sessions, sessions);
	unit_add_table(tests, reads_invoices, invoices);
	unit_add_table(tests, reads_customers, customers);
	unit_add_table(tests, names_what_is_malformed, malformed);
	unit_add_table(tests, reads_whose_anything_is, any);
	tcase_add_test(tests, nothing_is_known_at_first);
	unit_add_table(tests, a_snapshot_completes_a_session, completed);
}

int
main(void)
{
	return unit_main("stripe_facts", add);
}
