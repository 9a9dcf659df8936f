from penstock.common.job_execution_result import *
